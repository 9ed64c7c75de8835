package example;

import com.google.gson.JsonObject;
import foliot.v1.InstanceServiceGrpc;
import foliot.v1.Json;
import foliot.v1.StartInstanceRequest;
import foliot.v1.StartInstanceResponse;
import io.grpc.Channel;

final class Start {
  private Start() {}

  /**
   * Starts an instance for a parcel. With the same request a repeat starts no other one, whether
   * the answer to the first was lost or not.
   */
  static void start(Channel channel, String request, String parcel) throws InterruptedException {
    var instances = InstanceServiceGrpc.newBlockingStub(channel);
    var input = new JsonObject();
    input.addProperty("parcel", parcel);
    input.addProperty("seconds", 4);
    var start =
        StartInstanceRequest.newBuilder()
            .setDefinitionKey("parcel")
            .setInput(Json.newBuilder().setJson(input.toString()))
            .setRequestId(request)
            .build();
    StartInstanceResponse started =
        Calls.repeating(() -> instances.withDeadlineAfter(Calls.TIMEOUT).startInstance(start));
    System.out.println(started.getInstance().getInstanceId());
  }
}
