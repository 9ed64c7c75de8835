import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parse } from "node:path";
import { createClient, type Transport } from "@connectrpc/connect";
import { repeating } from "./errors.js";
import { DefinitionService } from "./gen/foliot/v1/definition_service_pb.js";

/** Makes a definition of a file, under the key that the file is named after, and activates it. */
export async function deploy(transport: Transport, path: string): Promise<void> {
  const definitions = createClient(DefinitionService, transport);
  const spec = await readFile(path, "utf8");
  // The request's id follows from what is asked for, so that to deploy the same file twice makes
  // one version.
  const requestId = `deploy-${createHash("sha256").update(spec).digest("hex")}`;
  const created = await repeating((options) =>
    definitions.createDefinition({ key: parse(path).name, spec: { json: spec }, requestId }, options),
  );
  const definitionId = created.definition?.definitionId;
  const { definition } = await repeating((options) =>
    definitions.activateDefinition({ definitionId }, options),
  );
  console.log(`definition ${definition?.key} version ${definition?.version} is active`);
}
