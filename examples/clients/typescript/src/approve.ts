import { createClient, type Transport } from "@connectrpc/connect";
import { repeating } from "./errors.js";
import { TaskService } from "./gen/foliot/v1/task_service_pb.js";

/** Completes the human task that an instance waits for. */
export async function approve(transport: Transport, instanceId: string): Promise<void> {
  const client = createClient(TaskService, transport);
  const filter = `instance_id = "${instanceId}" AND type = HUMAN`;
  const { tasks } = await repeating((options) => client.listTasks({ filter }, options));
  const open = tasks.find((task) => !task.completeTime);
  if (!open) {
    throw new Error(`instance ${instanceId} waits for nobody`);
  }
  const { task } = await repeating((options) =>
    client.completeTask(
      {
        taskId: open.taskId,
        output: { json: JSON.stringify({ by: "ada" }) },
        requestId: `approve-${open.taskId}`,
      },
      options,
    ),
  );
  console.log(`completed ${task?.name}`);
}
