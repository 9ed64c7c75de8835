import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClaimedTask } from "./gen/foliot/executor/v1/claimed_task_pb.js";

/** Says why an attempt did not succeed; retry policies can tell its kinds apart. */
export class TaskFailed extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }

  static from(error: unknown): TaskFailed {
    if (error instanceof TaskFailed) {
      return error;
    }
    return new TaskFailed("error", error instanceof Error ? error.message : String(error), true);
  }
}

/** Calls the function that a task names. */
export async function call(task: ClaimedTask, attempt: AbortSignal): Promise<unknown> {
  if (task.function !== "book") {
    // What is claimed depends on queue and type only: a queue for each kind of worker.
    throw new TaskFailed("function.unknown", `no function ${task.function}`);
  }
  const input = JSON.parse(task.input?.json ?? "null");
  return { booking: await book(input, task.idempotencyKey, attempt) };
}

interface Booking {
  parcel: string;
  seconds: number;
}

/**
 * Books a carrier. CARRIER, a directory, stands for the carrier's system: like any that can be
 * called safely it knows a repeat by its key, and answers it as it did the first time.
 */
async function book(
  { parcel, seconds }: Booking,
  key: string,
  attempt: AbortSignal,
): Promise<string> {
  try {
    const entry = await open(join(process.env.CARRIER ?? "", key), "wx");
    await entry.close();
    console.log(`booked: ${parcel}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
    console.log(`was booked before: ${parcel}`);
  }
  await sleep(seconds * 1_000, undefined, { signal: attempt }); // it takes its time to confirm
  return `B-${key.slice(0, 8)}`;
}
