package example;

import foliot.v1.EventServiceGrpc;
import foliot.v1.HistoryEntry;
import foliot.v1.WatchInstanceRequest;
import foliot.v1.WatchInstanceResponse;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;

final class Watch {
  /**
   * A stream is opened anew after this time, so that one whose connection died without a word is
   * not listened to for ever.
   */
  private static final Duration RENEW_AFTER = Duration.ofMinutes(5);

  private Watch() {}

  /**
   * Prints what happens to an instance until it has ended. When the stream breaks, it goes on
   * after the last entry it has had: none is left out, none comes twice.
   */
  static void watch(Channel channel, String instanceId) throws InterruptedException {
    var events = EventServiceGrpc.newBlockingStub(channel);
    long seen = 0;
    int failures = 0;
    while (true) {
      var watch =
          WatchInstanceRequest.newBuilder().setInstanceId(instanceId).setAfterSeq(seen).build();
      try {
        Iterator<WatchInstanceResponse> messages =
            events.withDeadlineAfter(RENEW_AFTER).watchInstance(watch);
        while (messages.hasNext()) {
          WatchInstanceResponse message = messages.next();
          if (message.hasEntry()) { // without one it is a bookmark
            show(message.getEntry());
          }
          seen = message.getSeq();
          failures = 0;
        }
        return; // the instance has ended, and all of it was told
      } catch (StatusRuntimeException error) {
        if (!Calls.mayPass(error)) {
          throw error;
        }
        failures++;
        System.err.printf("reconnecting after seq %d: %s%n", seen, Calls.explain(error));
        Calls.pause(failures, error);
      }
    }
  }

  private static void show(HistoryEntry entry) {
    String name = entry.getType().name().replaceFirst("^HISTORY_ENTRY_TYPE_", "");
    System.out.printf("%d %s%n", entry.getSeq(), name);
  }
}
