import { hostname } from "node:os";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampNow } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { CALL_TIMEOUT_MS, infoOf, mayPass, pause, repeating, rest } from "./errors.js";
import { call, TaskFailed } from "./functions.js";
import type { ClaimedTask } from "./gen/foliot/executor/v1/claimed_task_pb.js";
import { ExecutorService } from "./gen/foliot/executor/v1/executor_service_pb.js";
import { type Outcome, OutcomeSchema, OutcomeVerdict } from "./gen/foliot/executor/v1/outcome_pb.js";
import { TaskType } from "./gen/foliot/v1/task_pb.js";

type Result = MessageInitShape<typeof OutcomeSchema>["result"];

const LOOK_EVERY_MS = 500;

const LOST = new Error("the task is another worker's now");
const CANCELLED = new Error("the task is not needed any more");
const TIMEOUT = new TaskFailed("timeout", "the attempt took too long", true);

/** Claims tasks and carries them out until told to stop; the one in hand it finishes. */
export async function work(transport: Transport, stop: AbortSignal): Promise<void> {
  const worker = new Worker(createClient(ExecutorService, transport));
  let failures = 0;
  while (!stop.aborted) {
    let task: ClaimedTask | undefined;
    try {
      task = await worker.claim();
      failures = 0;
    } catch (error) {
      if (infoOf(error)?.reason !== "LEASE_LOST" && !mayPass(error)) {
        throw error;
      }
      worker.beginAnew();
      failures++;
      await pause(failures, error, stop);
      continue;
    }
    if (task) {
      await worker.carryOut(task);
    } else {
      await rest(LOOK_EVERY_MS, stop);
    }
  }
}

/** Carries out one task at a time. For more at once, run more of them. */
class Worker {
  #sessionId = ""; // its lease covers the task in hand
  #leaseMs = 0;

  constructor(private readonly executor: Client<typeof ExecutorService>) {}

  /**
   * Forgets its session, which has expired, or may hold a task that it does not know of, because
   * the answer to a claim was lost. Nobody else gets that for as long as the session lives.
   */
  beginAnew(): void {
    this.#sessionId = "";
  }

  /** Takes a task, if there is one. Made once: a repeat would take another task. */
  async claim(): Promise<ClaimedTask | undefined> {
    const claimed = await this.executor.claimTasks(
      {
        sessionId: this.#sessionId,
        executorName: hostname(),
        queues: ["carrier"],
        taskTypes: [TaskType.SYSTEM],
        maxTasks: 1,
      },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    this.#sessionId = claimed.sessionId;
    this.#leaseMs = durationMs(claimed.leaseTtl!);
    return claimed.tasks[0];
  }

  /** Makes one attempt, keeps the lease meanwhile, and reports how it ended. */
  async carryOut(task: ClaimedTask): Promise<void> {
    console.log(`claimed ${task.taskId} epoch ${task.epoch}`);
    const { taskId, tenantId, epoch } = task;
    const startedTime = timestampNow();
    const began = performance.now();
    const attempt = new AbortController();
    const timer =
      task.timeout && setTimeout(() => attempt.abort(TIMEOUT), durationMs(task.timeout));
    const keeping = this.#keepLease(task, attempt);
    const result = await resultOf(task, attempt.signal);
    clearTimeout(timer);
    attempt.abort();
    await keeping;
    if (!result) {
      console.log(`lost ${taskId}`); // whoever has it now will report
      return;
    }
    const duration = durationFromMs(Math.round(performance.now() - began));
    await this.#report(
      create(OutcomeSchema, { taskId, tenantId, epoch, startedTime, duration, result }),
    );
  }

  /** Extends the lease three times as often as it has to, so that a call may fail. */
  async #keepLease(task: ClaimedTask, attempt: AbortController): Promise<void> {
    const { taskId, tenantId, epoch } = task;
    const everyMs = this.#leaseMs / 3;
    while (!attempt.signal.aborted) {
      try {
        const { lost, cancelled } = await this.executor.extendLeases(
          { sessionId: this.#sessionId, running: [{ taskId, tenantId, epoch }] },
          { timeoutMs: everyMs, signal: attempt.signal },
        );
        if (lost.length > 0) {
          attempt.abort(LOST);
        } else if (cancelled.length > 0) {
          attempt.abort(CANCELLED);
        }
      } catch (error) {
        if (!mayPass(error)) {
          attempt.abort(error);
        }
      }
      await rest(everyMs, attempt.signal);
    }
  }

  /** Sends an outcome until it is acknowledged: applying it is idempotent by task and epoch. */
  async #report(outcome: Outcome): Promise<void> {
    const { acks } = await repeating((options) =>
      this.executor.reportOutcomes({ sessionId: this.#sessionId, outcomes: [outcome] }, options),
    );
    for (const { taskId, verdict } of acks) {
      // Every verdict is final, also one that says that the outcome was not applied.
      console.log(`reported ${taskId} ${OutcomeVerdict[verdict]}`);
    }
  }
}

/** How an attempt ended; undefined if that is not ours to say any more. */
async function resultOf(task: ClaimedTask, attempt: AbortSignal): Promise<Result | undefined> {
  try {
    const output = JSON.stringify(await call(task, attempt));
    return { case: "succeeded", value: { output: { json: output } } };
  } catch (thrown) {
    const error = attempt.aborted ? attempt.reason : thrown;
    if (error === LOST) {
      return undefined;
    }
    if (error === CANCELLED) {
      console.log(`stopped ${task.taskId}`);
      return { case: "cancelled", value: {} };
    }
    const { kind, message, retryable } = TaskFailed.from(error);
    return { case: "failed", value: { failure: { kind, message, retryable } } };
  }
}
