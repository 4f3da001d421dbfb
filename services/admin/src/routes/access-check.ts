import { Fault } from "@portcullis/chassis/fault";
import { statusName } from "@portcullis/chassis/rpc/status";
import { administration, type ObjectRef, permissions } from "@portcullis/policy";
import type { CheckRequest, Consistency } from "@portcullis/proto/decision/v1/decision";
import { z } from "zod";
import { type Access, type Demand, may, objectRef } from "../access.ts";
import { aboutCaller, type Caller } from "../caller.ts";
import { anyText, id, maybe, objectType, permission, read } from "../input.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { renames } from "../wire.ts";

const checksMax = 1000;

export const object = z.strictObject({ type: objectType, id });

const nothing = z.strictObject({});
const consistency = z
  .strictObject({
    minimize_latency: maybe(nothing),
    at_least_as_fresh: maybe(anyText),
    fully_consistent: maybe(nothing),
  })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    message: "must hold exactly one of minimize_latency, at_least_as_fresh and fully_consistent",
  })
  .transform((given): Consistency => {
    if (given.at_least_as_fresh !== undefined) {
      return { kind: { $case: "atLeastAsFresh", value: given.at_least_as_fresh } };
    }
    return given.fully_consistent === undefined
      ? { kind: { $case: "minimizeLatency", value: {} } }
      : { kind: { $case: "fullyConsistent", value: {} } };
  });

const question = {
  /** Whom the question is about; the caller itself when left out. */
  principal_id: maybe(id),
  permission,
  object: maybe(object),
  place: maybe(z.strictObject({ type: objectType, parent: object })),
} as const;

type Question = z.output<z.ZodObject<typeof question>>;

const hasOneTarget = ({ object, place }: Question) => (object === undefined) !== (place === undefined);
const oneTarget = { path: ["object"], message: "is required, or else place, and not both" };

/** What every question may say about itself. */
export const inAll = {
  org_id: maybe(anyText),
  org_name: maybe(anyText),
  consistency: maybe(consistency),
} as const;
/** One question, in the words of the contract. */
export const single = z.strictObject({ ...question, ...inAll }).refine(hasOneTarget, oneTarget);
const batched = z.strictObject(question).refine(hasOneTarget, oneTarget);
const batch = z.strictObject({ checks: z.array(z.unknown()).min(1).max(checksMax), ...inAll });
const whole = z.strictObject({ principal_id: maybe(id), object, ...inAll });

const failure = z.object({ code: z.string(), message: z.string() });

/** What decision decides, for people and scripts that have a key: about oneself, or by whoever may read the ACLs. */
export function checkRoutes(decision: Decision, access: Access): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/access/check",
      summary: "Ask whether a principal may do something",
      body: single,
      response: z.object({ allowed: z.boolean(), revision: z.string() }),
      requires: ({ body }, caller) => mayAsk(body.principal_id, askedAbout(body), caller),
      async handle({ body }, caller) {
        const request = { ...questionToWire(body, caller), consistency: body.consistency };
        const { allowed, revision } = await decision.check(request, caller.hop);
        return { body: { allowed, revision } };
      },
      fieldOf: renames(),
    }),
    route({
      method: "POST",
      path: "/v1/access/batch-check",
      summary: "Ask up to 1,000 questions; a bad one fails alone",
      body: batch,
      response: z.object({
        results: z.array(z.object({ allowed: z.boolean(), error: failure.nullable() })),
        revision: z.string(),
      }),
      // Each question is judged by itself.
      requires: () => may("access.ask_self"),
      async handle({ body }, caller) {
        const asked = await judged(body.checks, access, caller);
        const good = asked.filter((one): one is Question => !(one instanceof Fault));
        const answers =
          good.length === 0
            ? { results: [], revision: "" }
            : await decision.batchCheck(
                {
                  orgId: caller.org,
                  checks: good.map((one) => questionToWire(one, caller)),
                  consistency: body.consistency,
                },
                caller.hop,
              );
        const results = answers.results.values();
        return {
          body: {
            results: asked.map((one) => {
              if (one instanceof Fault) return failed(one);
              const result = results.next().value;
              if (result === undefined) throw new Fault("internal", "internal");
              return { allowed: result.allowed, error: result.error ?? null };
            }),
            revision: answers.revision,
          },
        };
      },
      fieldOf: renames(),
    }),
    route({
      method: "POST",
      path: "/v1/access/permissions",
      summary: "Ask for everything that a principal may do to an object",
      body: whole,
      response: z.object({ permissions: z.array(z.enum(permissions)), revision: z.string() }),
      requires: ({ body }, caller) =>
        mayAsk(body.principal_id, objectRef(body.object.type, body.object.id), caller),
      async handle({ body }, caller) {
        const held = await decision.permissions(
          {
            orgId: caller.org,
            who: askedOf(body.principal_id, caller),
            object: body.object,
            consistency: body.consistency,
          },
          caller.hop,
        );
        return {
          body: {
            permissions: permissions.filter((one) => held.permissions.includes(one)),
            revision: held.revision,
          },
        };
      },
      fieldOf: renames(),
    }),
  ];
}

/** About oneself anybody may ask; about others, who may read the ACLs on what is asked about. */
export function mayAsk(principal: string | undefined, about: ObjectRef, caller: Caller): Demand {
  return isSelf(principal, caller) ? may("access.ask_self") : may("access.ask", about);
}

/** Whether the caller asks about itself. */
export function isSelf(principal: string | undefined, caller: Caller): boolean {
  return principal === undefined || principal === caller.principal;
}

/** Whom decision is to be asked about: of itself a caller is told what it may do with its credential. */
export function askedOf(principal: string | undefined, caller: Caller): NonNullable<CheckRequest["who"]> {
  return principal === undefined || isSelf(principal, caller)
    ? aboutCaller(caller)
    : { $case: "principalId", value: principal };
}

/** The object, or that under which something would be made. */
export function askedAbout({ object, place }: Question): ObjectRef {
  const about = object ?? place?.parent;
  if (about === undefined) throw new Fault("internal", "internal");
  return objectRef(about.type, about.id);
}

/** The questions of a batch that may be put, and for each other one what is wrong with it. */
async function judged(
  checks: readonly unknown[],
  access: Access,
  caller: Caller,
): Promise<readonly (Question | Fault)[]> {
  const questions = checks.map((check, index) => readQuestion(check, index));
  const aboutOthers = questions.flatMap((one) =>
    one instanceof Fault || isSelf(one.principal_id, caller) ? [] : [askedAbout(one)],
  );
  const { permission: needed } = administration["access.ask"];
  const allowed = await access.allowed(caller, needed, aboutOthers);
  const verdicts = allowed.values();
  return questions.map((one) => {
    if (one instanceof Fault || isSelf(one.principal_id, caller)) return one;
    if (verdicts.next().value === true) return one;
    // One text for what may not be asked about and what is not there.
    return new Fault("denied", `not allowed: to ask about others takes ${needed} on the object`);
  });
}

function readQuestion(check: unknown, index: number): Question | Fault {
  try {
    return read(batched, check);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return new Fault(thrown.kind, `checks[${index}].${thrown.message}`);
  }
}

function failed(fault: Fault): { allowed: false; error: z.infer<typeof failure> } {
  return { allowed: false, error: { code: statusName(fault.kind), message: fault.message } };
}

/** The question without how fresh its answer must be. */
export function questionToWire(asked: Question, caller: Caller): CheckRequest {
  return {
    orgId: caller.org,
    who: askedOf(asked.principal_id, caller),
    permission: asked.permission,
    what:
      asked.place === undefined
        ? { $case: "object", value: askedAbout(asked) }
        : { $case: "place", value: asked.place },
    consistency: undefined,
  };
}
