import { Fault, invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import { statusName } from "@portcullis/chassis/rpc/status";
import type { FactReader, Facts } from "@portcullis/facts";
import type { FactKey, Needs, OrgId } from "@portcullis/policy";
import type {
  BatchCheckRequest,
  BatchCheckResponse,
  BatchCheckResult,
  CheckRequest,
} from "@portcullis/proto/decision/v1/decision";
import { type Asking, mayAskAbout } from "./callers.ts";
import { type AskedQuestion, questionOf } from "./check.ts";
import type { PrincipalOf } from "./principal.ts";
import { consistencyFromWire } from "./wire.ts";

const checksMax = 1000;

/** All questions are decided at one moment; a bad one fails alone. */
export async function batchCheck(
  facts: FactReader,
  principalOf: PrincipalOf,
  request: BatchCheckRequest,
  call: Asking,
): Promise<BatchCheckResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const { checks } = request;
  if (checks.length === 0) throw invalid("checks", "must not be empty");
  if (checks.length > checksMax)
    throw invalid("checks", `has ${checks.length} entries; at most ${checksMax} are allowed`);
  const questions = checks.map((check, index) =>
    attempt(() => questionOfBatch(check, { org, principalOf, field: `checks[${index}].` })),
  );
  const { result, revision } = await facts.read(
    org,
    consistencyFromWire(request.consistency, org),
    (organization) => decideAll(questions, organization),
    call,
  );
  return { results: result.results, revision };
}

function questionOfBatch(
  check: CheckRequest,
  {
    org,
    principalOf,
    field,
  }: { readonly org: OrgId; readonly principalOf: PrincipalOf; readonly field: string },
): AskedQuestion {
  if (check.consistency !== undefined)
    throw invalid(`${field}consistency`, "must be unset; it is the batch's");
  if (check.orgId !== "" && check.orgId !== org) throw invalid(`${field}org_id`, "must be the batch's");
  return questionOf({ ...check, orgId: org }, principalOf, field);
}

/** What all questions together need, so that one round of loading serves them all. */
function decideAll(
  questions: readonly (AskedQuestion | Fault)[],
  facts: Facts,
): { readonly results: BatchCheckResult[] } | Needs {
  const missing: FactKey[] = [];
  const results = questions.map((question): BatchCheckResult => {
    if (question instanceof Fault) return failed(question);
    const step = attempt(() => question.decide(facts));
    if (step instanceof Fault) return failed(step);
    if (step.kind === "needs") {
      missing.push(...step.keys);
      return undecided;
    }
    return { allowed: step.allowed, error: undefined, holderId: step.holder };
  });
  return missing.length > 0 ? { kind: "needs", keys: missing } : { results };
}

const undecided: BatchCheckResult = { allowed: false, error: undefined };

function failed(fault: Fault): BatchCheckResult {
  return { allowed: false, error: { code: statusName(fault.kind), message: fault.message } };
}

function attempt<T>(make: () => T): T | Fault {
  try {
    return make();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
