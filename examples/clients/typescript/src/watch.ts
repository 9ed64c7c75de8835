import { createClient, type Transport } from "@connectrpc/connect";
import { explain, mayPass, pause } from "./errors.js";
import { EventService } from "./gen/foliot/v1/event_service_pb.js";
import { HistoryEntryType } from "./gen/foliot/v1/history_entry_pb.js";

/**
 * A stream is opened anew after this time, so that one whose connection died without a word is
 * not listened to for ever.
 */
const RENEW_AFTER_MS = 5 * 60_000;

/**
 * Prints what happens to an instance until it has ended. When the stream breaks, it goes on after
 * the last entry it has had: none is left out, none comes twice.
 */
export async function watch(
  transport: Transport,
  instanceId: string,
  stop: AbortSignal,
): Promise<void> {
  const events = createClient(EventService, transport);
  let seen = 0n;
  for (let failures = 0; ; ) {
    try {
      const stream = events.watchInstance(
        { instanceId, afterSeq: seen },
        { signal: stop, timeoutMs: RENEW_AFTER_MS },
      );
      for await (const { seq, entry } of stream) {
        if (entry) {
          // without one it is a bookmark
          console.log(`${entry.seq} ${HistoryEntryType[entry.type]}`);
        }
        seen = seq;
        failures = 0;
      }
      return; // the instance has ended, and all of it was told
    } catch (error) {
      if (!mayPass(error) || stop.aborted) {
        throw error;
      }
      failures++;
      console.error(`reconnecting after seq ${seen}: ${explain(error)}`);
      await pause(failures, error, stop);
    }
  }
}
