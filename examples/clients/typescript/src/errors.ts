import { setTimeout as sleep } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { type ErrorInfo, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
export const CALL_TIMEOUT_MS = 10_000;

/**
 * What a program branches on: its reason is the name of an ErrorReason. There is none where the
 * error is not foliot's, but the network's or a proxy's.
 */
export function infoOf(error: unknown): ErrorInfo | undefined {
  const infos = ConnectError.from(error).findDetails(ErrorInfoSchema);
  return infos.find((info) => info.domain === "foliot");
}

export function explain(error: unknown): string {
  const info = infoOf(error);
  if (!info) {
    return error instanceof Error ? error.message : String(error);
  }
  const { rawMessage } = ConnectError.from(error);
  return `${info.reason}: ${rawMessage} (correlation id ${info.metadata.correlation_id})`;
}

/** Whether the same call may succeed in a while. Whether it was done, it does not say. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof ConnectError)) {
    return false;
  }
  return (
    error.code === Code.Unavailable ||
    error.code === Code.DeadlineExceeded ||
    // So Connect for Node tells of a connection that broke. What foliot says has an ErrorInfo, and
    // whoever has cancelled a call knows.
    ([Code.Aborted, Code.Canceled].includes(error.code) && !infoOf(error))
  );
}

/**
 * Makes a call until it is answered. Only for calls that may be made twice: those that change
 * nothing, and those that carry an id by which foliot knows a repeat.
 */
export async function repeating<A>(call: (options: CallOptions) => Promise<A>): Promise<A> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call({ timeoutMs: CALL_TIMEOUT_MS });
    } catch (error) {
      if (!mayPass(error) || attempt === ATTEMPTS) {
        throw error;
      }
      await pause(attempt, error);
    }
  }
}

/**
 * Waits longer the more attempts have failed, at random, so that not all come back at once, and
 * at least as long as the server asks for.
 */
export async function pause(attempt: number, error: unknown, stop?: AbortSignal): Promise<void> {
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  const asked = ConnectError.from(error).findDetails(RetryInfoSchema)[0]?.retryDelay;
  await rest(Math.random() * most + (asked ? durationMs(asked) : 0), stop);
}

/** Waits; less long if told to stop. */
export async function rest(waitMs: number, stop?: AbortSignal): Promise<void> {
  await sleep(waitMs, undefined, { signal: stop }).catch(() => {}); // told to stop
}
