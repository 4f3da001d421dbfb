import { Fault } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { Answering } from "@portcullis/chassis/rpc/stream";
import { mayAskAbout } from "@portcullis/checks";
import type { News } from "@portcullis/facts";
import type { OrgId } from "@portcullis/policy";
import type { ListenForNewsRequest, ListenForNewsResponse } from "@portcullis/proto/upstream/v1/upstream";
import { stretchToWire } from "@portcullis/upstream/wire";
import type { UpstreamParts } from "./index.ts";

const listenersMax = 5000;
/** Who does not listen while so much happens finds the rest in the log. */
const untoldMax = 100;

/** Answers the handler of ListenForNews. */
export function newsTeller({ follows, clock }: Pick<UpstreamParts, "follows" | "clock">) {
  let listeners = 0;
  return async (request: ListenForNewsRequest, call: Answering<ListenForNewsResponse>): Promise<void> => {
    const org = uuid<OrgId>(request.orgId, "org_id");
    mayAskAbout(org, call);
    if (listeners >= listenersMax) {
      throw new Fault("exhausted", `${listenersMax} listen here already`, { retryAfterMs: 5000 });
    }
    listeners++;
    try {
      await tell(org, call);
    } finally {
      listeners--;
    }
  };

  async function tell(org: OrgId, call: Answering<ListenForNewsResponse>): Promise<void> {
    const over = AbortSignal.any([call.closing, call.signal]);
    let untold: News[] = [];
    let wake = (): void => undefined;
    using _listening = follows.listen(org, (news) => {
      if (news === null || untold.length >= untoldMax) return;
      untold.push(news);
      wake();
    });
    over.addEventListener("abort", () => wake(), { once: true });
    follows.of(org, clock());
    await call.send([{ owner: "", stretch: undefined }]);
    while (!over.aborted) {
      const telling = untold;
      untold = [];
      await call.send(telling.map(({ owner, stretch }) => ({ owner, stretch: stretchToWire(stretch) })));
      if (untold.length > 0 || over.aborted) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  }
}
