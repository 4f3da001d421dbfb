import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { DecisionService } from "@portcullis/proto/decision/v1/decision";
import type { z } from "zod";
import {
  type actionSearch,
  evaluationRequest,
  type evaluationsRequest,
  type resourceSearch,
  type semantics,
  type subjectSearch,
} from "./request.ts";
import { checkOf, isAction, isResource, isResourceType, isSearchedSubject, isSubject } from "./words.ts";

/** What of our own contract the standard is spoken with. */
export type Decision = Pick<
  Handlers<typeof DecisionService>,
  "check" | "batchCheck" | "permissions" | "listObjects" | "listPrincipals"
>;

/** Who asks, and about which organisation. */
export interface Asking {
  readonly decision: Decision;
  readonly orgId: string;
  readonly call: Call;
}

interface Decided {
  readonly decision: boolean;
  readonly context?: { readonly error: { readonly status: number; readonly message: string } };
}

interface Page {
  readonly results: readonly { readonly type?: string; readonly id?: string; readonly name?: string }[];
  readonly page: { readonly next_token: string };
}

const nothing: Page = { results: [], page: { next_token: "" } };
const pageUsual = 1000;

export async function evaluate(
  { decision, orgId, call }: Asking,
  request: z.infer<typeof evaluationRequest>,
): Promise<Decided> {
  const check = checkOf(request, orgId);
  return { decision: check !== null && (await decision.check(check, call)).allowed };
}

/** All of one moment, in their order, as far as the semantic goes. An item that is malformed is denied, and says why. */
export async function evaluateAll(
  asking: Asking,
  request: z.infer<typeof evaluationsRequest>,
): Promise<Decided | { readonly evaluations: readonly Decided[] }> {
  const { evaluations = [], options, ...defaults } = request;
  if (evaluations.length === 0) {
    const single = evaluationRequest.safeParse(defaults);
    if (!single.success) throw invalidBody(single.error);
    return await evaluate(asking, single.data);
  }
  // What an item says replaces the default whole; nothing is merged.
  const items = evaluations.map((item) => evaluationRequest.safeParse(withDefaults(item, defaults)));
  const checks = items.map(({ data }) => (data === undefined ? null : checkOf(data, asking.orgId)));
  const asked = checks.flatMap((check) => check ?? []);
  const results = (asked.length === 0 ? [] : await askTogether(asking, asked)).values();
  const decided = items.map(({ error }, index): Decided => {
    if (error !== undefined) {
      return { decision: false, context: { error: { status: 400, message: invalidBody(error).message } } };
    }
    return { decision: checks[index] !== null && results.next().value === true };
  });
  return { evaluations: untilDecided(decided, options?.evaluations_semantic ?? "execute_all") };
}

function withDefaults(item: unknown, defaults: object): unknown {
  const isObject = typeof item === "object" && item !== null && !Array.isArray(item);
  return isObject ? { ...defaults, ...item } : item;
}

async function askTogether(
  { decision, orgId, call }: Asking,
  checks: Parameters<Decision["batchCheck"]>[0]["checks"],
): Promise<boolean[]> {
  const { results } = await decision.batchCheck({ orgId, checks, consistency: undefined }, call);
  return results.map(({ allowed, error }) => {
    // A question that can't be answered now is no denial that a caller may rely on.
    if (error !== undefined) throw new Fault("unavailable", "access can't be decided right now");
    return allowed;
  });
}

/** The list ends at the item that decided. */
function untilDecided(decided: readonly Decided[], semantic: (typeof semantics)[number]): readonly Decided[] {
  if (semantic === "execute_all") return decided;
  const last = decided.findIndex(({ decision }) => decision === (semantic === "permit_on_first_permit"));
  return last === -1 ? decided : decided.slice(0, last + 1);
}

export async function searchSubjects(
  { decision, orgId, call }: Asking,
  { subject, action, resource, page = {} }: z.infer<typeof subjectSearch>,
): Promise<Page> {
  if (!isSearchedSubject(subject.type) || !isAction(action.name) || !isResource(resource)) return nothing;
  const { principals, cursor } = await paged(() =>
    decision.listPrincipals(
      {
        orgId,
        object: { type: resource.type, id: resource.id },
        permission: action.name,
        limit: page.limit ?? pageUsual,
        cursor: page.token ?? "",
        consistency: undefined,
      },
      call,
    ),
  );
  const results = principals.map(({ principal }) => ({ type: subject.type, id: principal?.id ?? "" }));
  return { results, page: { next_token: cursor } };
}

export async function searchResources(
  { decision, orgId, call }: Asking,
  { subject, action, resource, page = {} }: z.infer<typeof resourceSearch>,
): Promise<Page> {
  if (!isSubject(subject) || !isAction(action.name) || !isResourceType(resource.type)) return nothing;
  const { ids, cursor } = await paged(() =>
    decision.listObjects(
      {
        orgId,
        who: { $case: "principalId", value: subject.id },
        permission: action.name,
        type: resource.type,
        under: undefined,
        limit: page.limit ?? pageUsual,
        cursor: page.token ?? "",
        consistency: undefined,
      },
      call,
    ),
  );
  return { results: ids.map((id) => ({ type: resource.type, id })), page: { next_token: cursor } };
}

/** What our own contract calls a cursor is a token here. */
async function paged<Answer>(answer: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (thrown) {
    throw thrown instanceof Fault && thrown.field === "cursor" ? badToken() : thrown;
  }
}

function badToken(): Fault {
  return invalid("page.token", "is none of this search");
}

/** There are so few actions that all are on one page. */
export async function searchActions(
  { decision, orgId, call }: Asking,
  { subject, resource, page }: z.infer<typeof actionSearch>,
): Promise<Page> {
  if (page?.token !== undefined && page.token !== "") throw badToken();
  if (!isSubject(subject) || !isResource(resource)) return nothing;
  const { permissions } = await decision.permissions(
    {
      orgId,
      who: { $case: "principalId", value: subject.id },
      object: { type: resource.type, id: resource.id },
      consistency: undefined,
    },
    call,
  );
  return { results: permissions.map((name) => ({ name })), page: { next_token: "" } };
}

/** The one error that names the first field that is wrong. */
export function invalidBody({ issues }: z.ZodError): Fault {
  const [issue] = issues;
  const field = issue?.path.join(".") ?? "";
  return invalid(field === "" ? "body" : field, (issue?.message ?? "is malformed").toLowerCase());
}
