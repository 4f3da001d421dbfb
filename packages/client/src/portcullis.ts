import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { kindOfStatusName } from "@portcullis/chassis/rpc/status";
import type { BatchCheckResult, DecisionService } from "@portcullis/proto/decision/v1/decision";
import { batched } from "./batch.ts";
import { answerOf, NoAnswer } from "./no-answer.ts";
import {
  checkToWire,
  consistencyToWire,
  type ObjectRef,
  type Question,
  type Who,
  whoToWire,
} from "./question.ts";
import { freshest, mergedRevision, seenRevision } from "./revisions.ts";

/** How something is asked. */
export interface Asking {
  /** How long to wait for the answer, retries and all. 500 ms for checks and 5 s for lists if it is not said. */
  readonly withinMs?: number;
  /** No older than this revision, of a write (`x-portcullis-revision`) or of another answer. */
  readonly atLeastAsFreshAs?: string;
  /** As if all had been read after the question came in. */
  readonly fullyConsistent?: boolean;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

export interface Checked {
  readonly allowed: boolean;
  /** Opaque: what the answer has seen. */
  readonly revision: string;
}

export interface Explained extends Checked {
  /** grant or public; not_a_member, no_such_object, no_grant, outside_scope, ... */
  readonly reason: string;
  /** The answer and its nearest cause, as one line of English. */
  readonly sentence: string;
}

export interface PermittedPrincipal {
  readonly id: string;
  readonly name: string;
}

/** What has happened to an organisation. */
export interface WatchedEvent {
  /** Where to go on behind this event. */
  readonly revision: string;
  /** As `member_added`. */
  readonly action: string;
  readonly subject: ObjectRef;
  readonly at: Date;
}

export interface PortcullisOptions {
  readonly decision: Stub<typeof DecisionService>;
  readonly orgId: string;
  readonly checkMs: number;
  readonly onNoAnswer: (error: NoAnswer) => void;
  readonly close: () => void;
}

const listMs = 5000;
const pageSize = 500;

/** A connection to a sidecar or to decision. Whatever is asked in one tick goes out as one call. */
export class Portcullis implements Disposable {
  readonly #options: PortcullisOptions;
  readonly #decision: Stub<typeof DecisionService>;
  readonly #askTogether: (manner: string, question: Question) => Promise<Checked>;

  constructor(options: PortcullisOptions) {
    this.#options = options;
    this.#decision = options.decision;
    this.#askTogether = batched((manner, questions) => this.#askAll(manner, questions));
  }

  /**
   * May they? False as well when there is no answer, whatever the reason, which is told to `onNoAnswer`: nothing may be
   * done that nobody has allowed.
   */
  async isAllowed(who: Who, permission: string, object: ObjectRef, asking: Asking = {}): Promise<boolean> {
    try {
      return (await this.check(who, permission, object, asking)).allowed;
    } catch (error) {
      this.#options.onNoAnswer(error as NoAnswer);
      return false;
    }
  }

  /** May they? Throws {@link NoAnswer}, which must be treated as *no*. */
  check(who: Who, permission: string, object: ObjectRef, asking: Asking = {}): Promise<Checked> {
    const question = { who, permission, object };
    const manner = this.#mannerOf(asking);
    // Who stops waiting must not stop others who asked in the same tick.
    return answerOf(
      asking.signal === undefined
        ? this.#askTogether(manner, question)
        : this.#askOne(manner, question, asking.signal),
    );
  }

  /** Many questions, at one moment, answered in order; one that is malformed fails alone, as *no*, with its error. */
  async checkAll(
    questions: readonly Question[],
    asking: Asking = {},
  ): Promise<readonly (Checked & { readonly error: NoAnswer | null })[]> {
    const answers = await answerOf(this.#askAll(this.#mannerOf(asking), questions, asking.signal));
    return answers.map((answer) =>
      answer instanceof Error
        ? { allowed: false, revision: "", error: new NoAnswer(answer) }
        : { ...answer, error: null },
    );
  }

  /** All that they may do to an object. Throws {@link NoAnswer}. */
  async permissions(who: Who, object: ObjectRef, asking: Asking = {}): Promise<readonly string[]> {
    const { permissions } = await answerOf(
      this.#decision.permissions(
        { orgId: this.#options.orgId, who: whoToWire(who), object: { ...object }, ...consistency(asking) },
        hop(asking, this.#options.checkMs),
      ),
    );
    return permissions;
  }

  /** Why a check answers as it does. Throws {@link NoAnswer}. */
  async explain(who: Who, permission: string, object: ObjectRef, asking: Asking = {}): Promise<Explained> {
    const { allowed, reason, sentence, revision } = await answerOf(
      this.#decision.explain(
        { ...checkToWire({ who, permission, object }, this.#options.orgId), ...consistency(asking) },
        hop(asking, listMs),
      ),
    );
    return { allowed, reason, sentence, revision };
  }

  /** The ids of all objects of a type on which they have a permission, as they are taken. Throws {@link NoAnswer}. */
  async *listObjects(
    who: Who,
    permission: string,
    type: string,
    asking: Asking & { readonly under?: ObjectRef } = {},
  ): AsyncGenerator<string, void, undefined> {
    const under = asking.under === undefined ? undefined : { ...asking.under };
    const { orgId } = this.#options;
    const asked = { orgId, who: whoToWire(who), permission, type, under, limit: pageSize };
    for (let cursor = ""; ; ) {
      const page = await answerOf(
        this.#decision.listObjects({ ...asked, cursor, ...consistency(asking) }, hop(asking, listMs)),
      );
      yield* page.ids;
      if (page.cursor === "") return;
      ({ cursor } = page);
    }
  }

  /** All who have a permission on an object, as they are taken. Throws {@link NoAnswer}. */
  async *listPrincipals(
    permission: string,
    object: ObjectRef,
    asking: Asking = {},
  ): AsyncGenerator<PermittedPrincipal, void, undefined> {
    const asked = { orgId: this.#options.orgId, permission, object: { ...object }, limit: pageSize };
    for (let cursor = ""; ; ) {
      const page = await answerOf(
        this.#decision.listPrincipals({ ...asked, cursor, ...consistency(asking) }, hop(asking, listMs)),
      );
      for (const { principal } of page.principals) {
        if (principal !== undefined) yield { id: principal.id, name: principal.name };
      }
      if (page.cursor === "") return;
      ({ cursor } = page);
    }
  }

  /** What happens to the organisation, from now or from behind a revision on, until nobody takes more. Throws {@link NoAnswer}. */
  async *watch(
    asking: { readonly from?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<WatchedEvent, void, undefined> {
    const { from = "", signal } = asking;
    const request = { orgId: this.#options.orgId, revision: from, who: undefined };
    try {
      for await (const { event, revision } of this.#decision.watch(request, { ...(signal && { signal }) })) {
        if (event?.subject === undefined || event.at === undefined) continue;
        const { type, id } = event.subject;
        yield { revision, action: event.action, subject: { type, id }, at: event.at };
      }
    } catch (thrown) {
      throw new NoAnswer(thrown);
    }
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#options.close();
  }

  /** What questions must share to go out as one call, as text. */
  #mannerOf(asking: Asking): string {
    return JSON.stringify([freshnessOf(asking), asking.withinMs ?? this.#options.checkMs]);
  }

  async #askOne(manner: string, question: Question, signal?: AbortSignal): Promise<Checked> {
    const { consistency: demanded, asked } = readManner(manner, signal);
    const request = { ...checkToWire(question, this.#options.orgId), consistency: demanded };
    const { allowed, revision } = await this.#decision.check(request, asked);
    return { allowed, revision };
  }

  async #askAll(
    manner: string,
    questions: readonly Question[],
    signal?: AbortSignal,
  ): Promise<readonly (Checked | Error)[]> {
    const [first] = questions;
    if (first === undefined) return [];
    if (questions.length === 1) return [await this.#askOne(manner, first, signal)];
    const { consistency: demanded, asked } = readManner(manner, signal);
    const { orgId } = this.#options;
    const checks = questions.map((question) => checkToWire(question, orgId));
    const { results, revision } = await this.#decision.batchCheck(
      { orgId, checks, consistency: demanded },
      asked,
    );
    return results.map((result) => resultOf(result, revision));
  }
}

function readManner(manner: string, signal: AbortSignal | undefined) {
  const [freshness, withinMs] = JSON.parse(manner) as [string | null, number];
  return { consistency: consistencyToWire(freshness), asked: hop({ ...(signal && { signal }) }, withinMs) };
}

function resultOf({ allowed, error }: BatchCheckResult, revision: string): Checked | Error {
  if (error === undefined) return { allowed, revision };
  const [field = ""] = error.message.split(": ", 1);
  const kind: FaultKind = kindOfStatusName(error.code);
  return new Fault(kind, error.message, kind === "invalid" ? { field } : {});
}

/** What was seen by whoever asks, and what they want besides. */
function freshnessOf({ atLeastAsFreshAs, fullyConsistent = false }: Asking): string | null {
  const seen = seenRevision();
  if (fullyConsistent || seen === freshest) return freshest;
  return atLeastAsFreshAs === undefined ? seen : mergedRevision(seen, atLeastAsFreshAs);
}

function consistency(asking: Asking) {
  return { consistency: consistencyToWire(freshnessOf(asking)) };
}

function hop({ withinMs, signal }: Asking, usualMs: number) {
  return { deadlineMs: Date.now() + (withinMs ?? usualMs), ...(signal && { signal }) };
}
