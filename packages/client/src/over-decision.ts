// Portcullis over the contract of decision, whoever serves it.

import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { CheckRequest, DecisionService } from "@portcullis/proto/decision/v1/decision";
import { batched } from "./batch.ts";
import { NoAnswer, noAnswer } from "./no-answer.ts";
import type { Asking, Checked, Portcullis } from "./portcullis.ts";
import { freshnessOf } from "./revisions.ts";
import { watch } from "./watch.ts";
import {
  attempt,
  checkedFromWire,
  checkToWire,
  consistencyToWire,
  objectToWire,
  resultFromWire,
  text,
  unanswered,
  whoToWire,
} from "./wire.ts";

export interface OverDecision {
  readonly decision: Stub<typeof DecisionService>;
  readonly orgId: string;
  readonly checkMs: number;
  readonly onNoAnswer: (error: NoAnswer) => void;
  readonly close: () => void;
}

const listMs = 5000;
const pageSize = 500;

/** What was seen by whoever asks, or what they want besides; and how long they wait. */
type Manner = readonly [freshness: string | null, withinMs: number];

export function overDecision({ decision, orgId, checkMs, onNoAnswer, close }: OverDecision): Portcullis {
  const askTogether = batched<CheckRequest, Checked>((manner, checks) =>
    askAll(JSON.parse(manner) as Manner, checks),
  );

  async function askAll(
    [freshness, withinMs]: Manner,
    checks: readonly CheckRequest[],
    signal?: AbortSignal,
  ): Promise<readonly (Checked | Fault)[]> {
    const [first] = checks;
    if (first === undefined) return [];
    const consistency = consistencyToWire(freshness);
    const hop = { deadlineMs: Date.now() + withinMs, ...(signal && { signal }) };
    if (checks.length === 1) {
      const response = await decision.check({ ...first, consistency }, hop);
      return [checkedFromWire(first, response)];
    }
    const { results, revision } = await decision.batchCheck({ orgId, checks: [...checks], consistency }, hop);
    return checks.map((check, index) => resultFromWire(check, results[index], revision));
  }

  function mannerOf(asking: Asking, usualMs: number): Manner {
    return [freshnessOf(asking), patienceOf(asking, usualMs)];
  }

  /** How the other calls are asked. */
  function call(asking: Asking, usualMs = listMs) {
    const [freshness, withinMs] = mannerOf(asking, usualMs);
    const { signal } = asking;
    return {
      consistency: consistencyToWire(freshness),
      hop: { deadlineMs: Date.now() + withinMs, ...(signal && { signal }) },
    };
  }

  const portcullis: Portcullis = {
    onNoAnswer,

    isAllowed: (...question) => isAllowed(portcullis.check(...question), onNoAnswer),

    check: (who, permission, object, asking = {}) =>
      answered(async () => {
        const check = checkToWire({ who, permission, object }, orgId);
        const manner = mannerOf(asking, checkMs);
        if (asking.signal === undefined) return askTogether(JSON.stringify(manner), check);
        // Who stops waiting must not stop others who asked in the same tick.
        const [answer] = await askAll(manner, [check], asking.signal);
        if (answer === undefined || answer instanceof Fault) throw answer ?? unanswered();
        return answer;
      }),

    checkAll: (questions, asking = {}) =>
      answered(async () => {
        const asked = questions.map((question) => attempt(() => checkToWire(question, orgId)));
        const good = asked.flatMap((check) => (check instanceof Fault ? [] : check));
        const answers = (await askAll(mannerOf(asking, checkMs), good, asking.signal)).values();
        return asked.map((check) => {
          const answer = check instanceof Fault ? check : (answers.next().value ?? unanswered());
          if (answer instanceof Fault) return { allowed: false, error: new NoAnswer(answer) };
          return { ...answer, error: null };
        });
      }),

    permissions: (who, object, asking = {}) =>
      answered(async () => {
        const { consistency, hop } = call(asking, checkMs);
        const asked = { orgId, who: whoToWire(who), object: objectToWire(object, "object") };
        return (await decision.permissions({ ...asked, consistency }, hop)).permissions;
      }),

    explain: (who, permission, object, asking = {}) =>
      answered(async () => {
        const { consistency, hop } = call(asking);
        const asked = checkToWire({ who, permission, object }, orgId);
        const { allowed, reason, sentence, revision } = await decision.explain(
          { ...asked, consistency },
          hop,
        );
        return { allowed, reason, sentence, revision };
      }),

    async *listObjects(who, permission, type, asking = {}) {
      const asked = await answered(async () => ({
        orgId,
        who: whoToWire(who),
        permission: text(permission, "permission"),
        type: text(type, "type"),
        under: asking.under && objectToWire(asking.under, "under"),
        limit: pageSize,
      }));
      yield* ofAllPages(async (cursor) => {
        const { consistency, hop } = call(asking);
        const page = await decision.listObjects({ ...asked, cursor, consistency }, hop);
        return { entries: page.ids, cursor: page.cursor };
      });
    },

    async *listPrincipals(permission, object, asking = {}) {
      const asked = await answered(async () => ({
        orgId,
        permission: text(permission, "permission"),
        object: objectToWire(object, "object"),
        limit: pageSize,
      }));
      yield* ofAllPages(async (cursor) => {
        const { consistency, hop } = call(asking);
        const page = await decision.listPrincipals({ ...asked, cursor, consistency }, hop);
        const entries = page.principals.flatMap(({ principal }) =>
          principal === undefined ? [] : [{ id: principal.id, name: principal.name }],
        );
        return { entries, cursor: page.cursor };
      });
    },

    watch: (asking = {}) => watch({ decision, orgId, onNoAnswer }, asking),

    [Symbol.dispose]: close,
  };
  return portcullis;
}

/** How long whoever asks waits, in milliseconds. */
export function patienceOf({ withinMs }: Asking, usualMs: number): number {
  if (withinMs === undefined) return usualMs;
  if (!(withinMs > 0)) throw invalid("withinMs", "must be a number of milliseconds above 0");
  return withinMs;
}

/** No answer is told, and means *no*. */
export async function isAllowed(
  checked: Promise<Checked>,
  onNoAnswer: (error: NoAnswer) => void,
): Promise<boolean> {
  try {
    return (await checked).allowed;
  } catch (thrown) {
    onNoAnswer(noAnswer(thrown));
    return false;
  }
}

async function* ofAllPages<Entry>(
  pageAt: (cursor: string) => Promise<{ readonly entries: readonly Entry[]; readonly cursor: string }>,
): AsyncGenerator<Entry, void, undefined> {
  let cursor = "";
  do {
    const page = await answered(() => pageAt(cursor));
    yield* page.entries;
    ({ cursor } = page);
  } while (cursor !== "");
}

async function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (thrown) {
    throw noAnswer(thrown);
  }
}
