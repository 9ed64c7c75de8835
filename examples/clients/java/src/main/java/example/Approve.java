package example;

import foliot.v1.CompleteTaskRequest;
import foliot.v1.CompleteTaskResponse;
import foliot.v1.Json;
import foliot.v1.ListTasksRequest;
import foliot.v1.ListTasksResponse;
import foliot.v1.Task;
import foliot.v1.TaskServiceGrpc;
import io.grpc.Channel;

final class Approve {
  private Approve() {}

  /** Completes the human task that an instance waits for. */
  static void approve(Channel channel, String instanceId) throws InterruptedException {
    var tasks = TaskServiceGrpc.newBlockingStub(channel);
    var list =
        ListTasksRequest.newBuilder()
            .setFilter("instance_id = \"%s\" AND type = HUMAN".formatted(instanceId))
            .build();
    ListTasksResponse listed =
        Calls.repeating(() -> tasks.withDeadlineAfter(Calls.TIMEOUT).listTasks(list));
    Task open =
        listed.getTasksList().stream()
            .filter(task -> !task.hasCompleteTime())
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "instance %s waits for nobody".formatted(instanceId)));
    var complete =
        CompleteTaskRequest.newBuilder()
            .setTaskId(open.getTaskId())
            .setOutput(Json.newBuilder().setJson("{\"by\": \"ada\"}"))
            .setRequestId("approve-" + open.getTaskId())
            .build();
    CompleteTaskResponse completed =
        Calls.repeating(() -> tasks.withDeadlineAfter(Calls.TIMEOUT).completeTask(complete));
    System.out.println("completed " + completed.getTask().getName());
  }
}
