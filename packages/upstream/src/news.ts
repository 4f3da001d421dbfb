import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@portcullis/chassis/log";
import type { Follows } from "@portcullis/facts";
import { ownerFromWire } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type { UpstreamStub } from "./stub.ts";
import { stretchFromWire } from "./wire.ts";

/** After a stream ends; its sender may be stopping, and another one is found. */
const againMs = 200;

/**
 * Hears at once what the logs have grown by. It is as good as no news at all when it breaks, stalls or leaves something
 * out: each stretch follows on what is known, or the log itself is read; and the heads are confirmed all the time.
 */
export function hearNews(stub: UpstreamStub, org: OrgId, follows: Follows, log: Log): Disposable {
  const stop = new AbortController();
  void listen();
  return { [Symbol.dispose]: () => stop.abort() };

  async function listen(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        for await (const { owner: name, stretch } of stub.listenForNews({ orgId: org }, stop)) {
          const owner = ownerFromWire(name);
          if (owner !== null && stretch !== undefined)
            follows.hearStretch(owner, org, stretchFromWire(stretch));
        }
      } catch (reason) {
        if (!stop.signal.aborted) log.debug({ reason: String(reason) }, "no news for now");
      }
      await delay(againMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  }
}
