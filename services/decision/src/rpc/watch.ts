import { setTimeout as delay } from "node:timers/promises";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { Answering } from "@portcullis/chassis/rpc/stream";
import {
  mayAskAbout,
  type Principal,
  type PrincipalsFor,
  revisionFromText,
  type Who,
  whoFromWire,
} from "@portcullis/checks";
import {
  type Consistency,
  decodeRevision,
  type FactReader,
  type Follows,
  minimizeLatency,
  type Revision,
} from "@portcullis/facts";
import { decideWithin, isNeeds, type OrgId, organizationFace } from "@portcullis/policy";
import type { WatchRequest, WatchResponse } from "@portcullis/proto/decision/v1/decision";
import { beginningOf } from "../feed/beginning.ts";
import { Feed, type FeedEvent, type FeedParts } from "../feed/feed.ts";
import { Watchers } from "../feed/watchers.ts";

/** How long a growing log may stay unnoticed when nobody rings, and how often it is asked whether one may still watch. */
const lookEveryMs = 500;
/** Who waits hears from us so often, so that it knows that there is nothing to hear. */
const lifeSignMs = 5000;

/** Answers the handler of Watch. */
export function watcher(facts: FactReader, principalsFor: PrincipalsFor, parts: FeedParts) {
  const watchers = new Watchers();
  return async (request: WatchRequest, call: Answering<WatchResponse>): Promise<void> => {
    const org = uuid<OrgId>(request.orgId, "org_id");
    const revision = behindWhich(request.revision, org);
    const right = rightOf(facts, org, inWhoseName(request, org, call).map(principalsFor(call)));
    mayAskAbout(org, call);
    await right.demand(minimizeLatency);
    using _place = watchers.enter(org);
    const feed = new Feed(parts, org, await beginningOf(parts.follows, org, revision, parts.clock));
    await Promise.race([tell(feed, parts.follows, org, right, call), right.keepDemanding(call.signal)]);
  };
}

/** Null: now. */
function behindWhich(token: string, org: OrgId): Revision | null {
  if (token === "") return null;
  const revision = revisionFromText(token, "revision", org);
  if (revision === null) throw invalid("revision", "is no revision");
  return revision;
}

async function tell(
  feed: Feed,
  follows: Follows,
  org: OrgId,
  right: Right,
  call: Answering<WatchResponse>,
): Promise<void> {
  const isOutside = right.isDemanded;
  using news = new News(follows, org, AbortSignal.any([call.closing, call.signal]));
  await call.send([{ event: undefined, revision: feed.revision() }]);
  let sentAt = Date.now();
  while (!news.isOver) {
    const events = await feed.next();
    if (events.length > 0) {
      // Whoever lost the right with one of these must not be told what came after.
      const behind = decodeRevision(feed.revision());
      await right.demand({ kind: "at_least_as_fresh", revision: behind });
      await call.send(isOutside ? events.map(withoutDigests) : events);
      sentAt = Date.now();
      continue;
    }
    if (Date.now() - sentAt >= lifeSignMs) {
      await call.send([{ event: undefined, revision: feed.revision() }]);
      sentAt = Date.now();
    }
    await news.wait();
    await feed.look();
  }
}

/** Waits until there may be something to tell. */
class News implements Disposable {
  readonly #listening: Disposable;
  readonly #over: AbortSignal;
  #isThere = false;
  #wake = (): void => undefined;

  constructor(follows: Follows, org: OrgId, over: AbortSignal) {
    this.#over = over;
    this.#listening = follows.listen(org, this.#ring);
    over.addEventListener("abort", this.#ring, { once: true });
  }

  get isOver(): boolean {
    return this.#over.aborted;
  }

  /** At most until somebody should look, as nobody may have rung. */
  async wait(): Promise<void> {
    if (!this.#isThere) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, lookEveryMs);
      await promise;
      clearTimeout(timer);
    }
    this.#isThere = false;
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
    this.#over.removeEventListener("abort", this.#ring);
  }

  readonly #ring = (): void => {
    this.#isThere = true;
    this.#wake();
  };
}

/** Who must have the right to read the audit log: the caller, unless it is one of our services, and in whose name it asks. */
function inWhoseName(request: WatchRequest, org: OrgId, { caller }: Answering<WatchResponse>): Who[] {
  const all: Who[] = request.who === undefined ? [] : [whoFromWire(request)];
  if (caller.kind === "other")
    all.push({ kind: "principal", org, principal: uuid(caller.principalId, "caller") });
  return all;
}

interface Right {
  /** Of somebody, and not of one of our services for itself. */
  readonly isDemanded: boolean;
  /** Throws a Fault unless all have it. */
  demand(consistency: Consistency): Promise<void>;
  /** Rejects as soon as somebody has it no longer; never resolves before the end. */
  keepDemanding(until: AbortSignal): Promise<void>;
}

function rightOf(facts: FactReader, org: OrgId, all: readonly Principal[]): Right {
  const target = { kind: "object", object: organizationFace("org_audit_logs", org) } as const;
  async function demand(consistency: Consistency): Promise<void> {
    for (const who of all) {
      const { result } = await facts.read(org, consistency, (organization) => {
        const asked = who.find(organization);
        if (isNeeds(asked)) return asked;
        const { principal, scope } = asked;
        const question = { org, principal, permission: "read", target, nowMs: Date.now() } as const;
        return decideWithin(scope, question, organization);
      });
      if (!result.allowed) throw new Fault("denied", "this takes the permission read on the org_audit_logs");
    }
  }
  return {
    isDemanded: all.length > 0,
    demand,
    async keepDemanding(until) {
      while (!until.aborted) {
        await delay(lookEveryMs, undefined, { signal: until }).catch(() => undefined);
        if (!until.aborted) await demand(minimizeLatency);
      }
    },
  };
}

/** The digest of a credential is for our services alone; others learn that some credential has changed. */
function withoutDigests({ event, revision }: FeedEvent): FeedEvent {
  const touches = event.touches.filter(({ kind }) => kind?.$case !== "credential");
  if (touches.length === event.touches.length) return { event, revision };
  const touchedKinds = [...new Set([...event.touchedKinds, "credential"])];
  return { event: { ...event, touches, touchedKinds }, revision };
}
