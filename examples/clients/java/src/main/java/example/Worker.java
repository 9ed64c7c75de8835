package example;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.ErrorInfo;
import foliot.executor.v1.ClaimTasksRequest;
import foliot.executor.v1.ClaimTasksResponse;
import foliot.executor.v1.ClaimedTask;
import foliot.executor.v1.ExecutorServiceGrpc;
import foliot.executor.v1.ExecutorServiceGrpc.ExecutorServiceBlockingStub;
import foliot.executor.v1.ExtendLeasesRequest;
import foliot.executor.v1.ExtendLeasesResponse;
import foliot.executor.v1.Outcome;
import foliot.executor.v1.OutcomeAck;
import foliot.executor.v1.ReportOutcomesRequest;
import foliot.executor.v1.ReportOutcomesResponse;
import foliot.executor.v1.RunningAttempt;
import foliot.v1.Failure;
import foliot.v1.TaskType;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/** Carries out one task at a time. For more at once, run more of them. */
final class Worker {
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);

  private final ExecutorServiceBlockingStub executor;
  private final String name;
  private final CountDownLatch toldToStop = new CountDownLatch(1);
  private final CountDownLatch stopped = new CountDownLatch(1);
  private String sessionId = ""; // its lease covers the task in hand
  private long leaseMs;

  private Worker(Channel channel, String name) {
    this.executor = ExecutorServiceGrpc.newBlockingStub(channel);
    this.name = name;
  }

  /** Claims tasks and carries them out until told to stop; the one in hand is finished. */
  static void work(Channel channel) throws InterruptedException, UnknownHostException {
    var worker = new Worker(channel, InetAddress.getLocalHost().getHostName());
    Runtime.getRuntime().addShutdownHook(new Thread(worker::stop));
    try {
      worker.run();
    } finally {
      worker.stopped.countDown();
    }
  }

  private void stop() {
    toldToStop.countDown();
    try {
      stopped.await();
    } catch (InterruptedException hurry) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() throws InterruptedException {
    int failures = 0;
    Duration rest = Duration.ZERO;
    while (!toldToStop.await(rest.toMillis(), TimeUnit.MILLISECONDS)) {
      try {
        Optional<ClaimedTask> task = claim();
        failures = 0;
        rest = task.isPresent() ? Duration.ZERO : LOOK_EVERY;
        if (task.isPresent()) {
          carryOut(task.get());
        }
      } catch (StatusRuntimeException error) {
        boolean hasExpired =
            Calls.infoOf(error).map(ErrorInfo::getReason).filter("LEASE_LOST"::equals).isPresent();
        if (!hasExpired && !Calls.mayPass(error)) {
          throw error;
        }
        // The session has expired. Or the answer was lost, maybe with a task in it, which nobody
        // else gets for as long as this session lives. So begin a new one.
        sessionId = "";
        failures++;
        Calls.pause(failures, error);
      }
    }
  }

  /** Takes a task, if there is one. Made once: a repeat would take another task. */
  private Optional<ClaimedTask> claim() {
    ClaimTasksResponse claimed =
        executor
            .withDeadlineAfter(Calls.TIMEOUT)
            .claimTasks(
                ClaimTasksRequest.newBuilder()
                    .setSessionId(sessionId)
                    .setExecutorName(name)
                    .addQueues("carrier")
                    .addTaskTypes(TaskType.TASK_TYPE_SYSTEM)
                    .setMaxTasks(1)
                    .build());
    sessionId = claimed.getSessionId();
    leaseMs = Durations.toMillis(claimed.getLeaseTtl());
    return claimed.getTasksList().stream().findFirst();
  }

  /** Makes one attempt, keeps the lease meanwhile, and reports how it ended. */
  private void carryOut(ClaimedTask task) throws InterruptedException {
    System.out.printf("claimed %s epoch %d%n", task.getTaskId(), task.getEpoch());
    Timestamp started = Timestamps.now();
    long began = System.nanoTime();
    ExecutorService thread = Executors.newSingleThreadExecutor();
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    var isLost = new AtomicBoolean();
    var outcome = Outcome.newBuilder();
    try {
      Future<String> attempt = thread.submit(() -> Functions.call(task));
      timer.scheduleAtFixedRate(
          () -> keepLease(task, attempt, isLost), 0, leaseMs / 3, TimeUnit.MILLISECONDS);
      long timeoutMs =
          task.hasTimeout() ? Durations.toMillis(task.getTimeout()) : Long.MAX_VALUE;
      String output = attempt.get(timeoutMs, TimeUnit.MILLISECONDS);
      outcome.getSucceededBuilder().getOutputBuilder().setJson(output);
    } catch (TimeoutException error) {
      outcome.getFailedBuilder().setFailure(failure("timeout", "it took too long", true));
    } catch (CancellationException error) {
      outcome.getCancelledBuilder();
    } catch (ExecutionException error) {
      outcome.getFailedBuilder().setFailure(failureOf(error.getCause()));
    } finally {
      thread.shutdownNow();
      timer.shutdownNow();
    }
    if (isLost.get()) {
      System.out.println("lost " + task.getTaskId()); // whoever has it now will report
      return;
    }
    if (outcome.hasCancelled()) {
      System.out.println("stopped " + task.getTaskId());
    }
    report(
        outcome
            .setTaskId(task.getTaskId())
            .setTenantId(task.getTenantId())
            .setEpoch(task.getEpoch())
            .setStartedTime(started)
            .setDuration(Durations.fromNanos(System.nanoTime() - began))
            .build());
  }

  /** Called three times as often as the lease has to be extended, so that a call may fail. */
  private void keepLease(ClaimedTask task, Future<?> attempt, AtomicBoolean isLost) {
    var running =
        RunningAttempt.newBuilder()
            .setTaskId(task.getTaskId())
            .setTenantId(task.getTenantId())
            .setEpoch(task.getEpoch());
    try {
      ExtendLeasesResponse extended =
          executor
              .withDeadlineAfter(leaseMs / 3, TimeUnit.MILLISECONDS)
              .extendLeases(
                  ExtendLeasesRequest.newBuilder()
                      .setSessionId(sessionId)
                      .addRunning(running)
                      .build());
      if (extended.getLostCount() > 0) {
        isLost.set(true);
        attempt.cancel(true);
      } else if (extended.getCancelledCount() > 0) {
        attempt.cancel(true);
      }
    } catch (StatusRuntimeException error) {
      System.err.println("the lease was not extended: " + Calls.explain(error));
    }
  }

  /** Sends an outcome until it is acknowledged: applying it is idempotent by task and epoch. */
  private void report(Outcome outcome) throws InterruptedException {
    var report =
        ReportOutcomesRequest.newBuilder().setSessionId(sessionId).addOutcomes(outcome).build();
    ReportOutcomesResponse reported =
        Calls.repeating(() -> executor.withDeadlineAfter(Calls.TIMEOUT).reportOutcomes(report));
    for (OutcomeAck ack : reported.getAcksList()) {
      // Every verdict is final, also one that says that the outcome was not applied.
      System.out.printf("reported %s %s%n", ack.getTaskId(), ack.getVerdict());
    }
  }

  private static Failure failureOf(Throwable error) {
    if (error instanceof TaskFailed failed) {
      return failure(failed.kind(), failed.getMessage(), failed.isRetryable());
    }
    return failure("error", String.valueOf(error.getMessage()), true);
  }

  private static Failure failure(String kind, String message, boolean retryable) {
    return Failure.newBuilder()
        .setKind(kind)
        .setMessage(message)
        .setRetryable(retryable)
        .build();
  }
}
