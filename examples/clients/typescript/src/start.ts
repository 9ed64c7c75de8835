import { createClient, type Transport } from "@connectrpc/connect";
import { repeating } from "./errors.js";
import { InstanceService } from "./gen/foliot/v1/instance_service_pb.js";

/**
 * Starts an instance for a parcel. With the same request a repeat starts no other one, whether
 * the answer to the first was lost or not.
 */
export async function start(transport: Transport, request: string, parcel: string): Promise<void> {
  const instances = createClient(InstanceService, transport);
  const { instance } = await repeating((options) =>
    instances.startInstance(
      {
        definition: { case: "definitionKey", value: "parcel" },
        input: { json: JSON.stringify({ parcel, seconds: 4 }) },
        requestId: request,
      },
      options,
    ),
  );
  console.log(instance?.instanceId);
}
