package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/** What an error means, and when a call is made again. */
final class Calls {
  static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final int ATTEMPTS = 8;
  private static final long FIRST_PAUSE_MS = 100;
  private static final long LONGEST_PAUSE_MS = 5_000;

  private Calls() {}

  /**
   * What a program branches on: its reason is the name of an ErrorReason. There is none where the
   * error is not foliot's, but the network's or a proxy's.
   */
  static Optional<ErrorInfo> infoOf(StatusRuntimeException error) {
    return detail(error, ErrorInfo.class).filter(info -> info.getDomain().equals("foliot"));
  }

  static String explain(StatusRuntimeException error) {
    return infoOf(error)
        .map(
            info ->
                "%s: %s (correlation id %s)"
                    .formatted(
                        info.getReason(),
                        error.getStatus().getDescription(),
                        info.getMetadataOrDefault("correlation_id", "")))
        .orElseGet(error::getMessage);
  }

  /** Whether the same call may succeed in a while. Whether it was done, it does not say. */
  static boolean mayPass(StatusRuntimeException error) {
    return switch (error.getStatus().getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> true;
      default -> false;
    };
  }

  /**
   * Makes a call until it is answered. Only for calls that may be made twice: those that change
   * nothing, and those that carry an id by which foliot knows a repeat.
   */
  static <A> A repeating(Supplier<A> call) throws InterruptedException {
    for (int attempt = 1; ; attempt++) {
      try {
        return call.get();
      } catch (StatusRuntimeException error) {
        if (!mayPass(error) || attempt == ATTEMPTS) {
          throw error;
        }
        pause(attempt, error);
      }
    }
  }

  /**
   * Waits longer the more attempts have failed, at random, so that not all come back at once, and
   * at least as long as the server asks for.
   */
  static void pause(int attempt, StatusRuntimeException error) throws InterruptedException {
    long most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(attempt, 10));
    long asked =
        detail(error, RetryInfo.class).map(info -> Durations.toMillis(info.getRetryDelay())).orElse(0L);
    Thread.sleep(asked + ThreadLocalRandom.current().nextLong(most));
  }

  private static <D extends Message> Optional<D> detail(
      StatusRuntimeException error, Class<D> type) {
    com.google.rpc.Status status = StatusProto.fromThrowable(error);
    for (Any detail : status.getDetailsList()) {
      if (detail.is(type)) {
        try {
          return Optional.of(detail.unpack(type));
        } catch (InvalidProtocolBufferException malformed) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }
}
