// Portcullis over the contract of decision, whoever serves it.

import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type {
  BatchCheckResult,
  CheckRequest,
  CheckResponse,
  DecisionService,
} from "@portcullis/proto/decision/v1/decision";
import { batched } from "./batch.ts";
import { NoAnswer, noAnswer } from "./no-answer.ts";
import type { Asking, Checked, Portcullis } from "./portcullis.ts";
import { freshest, mergedRevision, seenRevision } from "./revisions.ts";
import { watch } from "./watch.ts";
import { checkToWire, consistencyToWire, faultFromWire, objectToWire, text, whoToWire } from "./wire.ts";

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
      return [checkedFromWire(first, response, response.revision)];
    }
    const { results, revision } = await decision.batchCheck({ orgId, checks: [...checks], consistency }, hop);
    return checks.map((check, index) => resultFromWire(check, results[index], revision));
  }

  function mannerOf(asking: Asking, usualMs: number): Manner {
    const { withinMs = usualMs } = asking;
    if (!(withinMs > 0)) throw invalid("withinMs", "must be a number of milliseconds above 0");
    return [freshnessOf(asking), withinMs];
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

    async isAllowed(who, permission, object, asking) {
      try {
        return (await portcullis.check(who, permission, object, asking)).allowed;
      } catch (thrown) {
        onNoAnswer(noAnswer(thrown));
        return false;
      }
    },

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

function resultFromWire(
  check: CheckRequest,
  result: BatchCheckResult | undefined,
  revision: string,
): Checked | Fault {
  if (result === undefined) return unanswered();
  return result.error === undefined ? checkedFromWire(check, result, revision) : faultFromWire(result.error);
}

function checkedFromWire(
  { who }: CheckRequest,
  { allowed, holderId }: Pick<CheckResponse, "allowed" | "holderId">,
  revision: string,
): Checked | Fault {
  const principalId = who?.$case === "principalId" ? who.value : holderId;
  // Nobody is let through of whom it is not known who they are.
  return principalId === undefined ? unanswered() : { allowed, principalId, revision };
}

function freshnessOf({ atLeastAsFreshAs, fullyConsistent = false }: Asking): string | null {
  const seen = seenRevision();
  if (fullyConsistent || seen === freshest) return freshest;
  return atLeastAsFreshAs === undefined ? seen : mergedRevision(seen, atLeastAsFreshAs);
}

async function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (thrown) {
    throw noAnswer(thrown);
  }
}

function attempt<Made>(make: () => Made): Made | Fault {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

function unanswered(): Fault {
  return new Fault("internal", "a question was left without an answer");
}
