// Asks decision what an act requires, always as of now: the facade never acts on a stale answer.

import { Fault, invalid } from "@portcullis/chassis/fault";
import {
  type Act,
  type ActInOrganization,
  type ActInPlace,
  type ActOnObject,
  administration,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  objectTypeRow,
  organizationFace,
  type Permission,
  type Requirement,
} from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { aboutCaller, type Caller, sees } from "./caller.ts";
import type { Decision, Owners } from "./owners.ts";

/** Where a new object would be. */
export interface Place {
  readonly type: ObjectType;
  readonly parent: ObjectRef;
}

/** What to say of an act that is not allowed, where that is not told by the act itself. */
interface Otherwise {
  /** The field of the request that named the object: an object that can't be seen is then a wrong field. */
  readonly field?: string;
  /** Whoever may do any of these knows that the thing is there. Without it: whoever may see the object. */
  readonly knownTo?: readonly Demand[];
  /** Who does not know that the thing is there is answered as if it had asked for this and been refused. */
  readonly like?: Demand;
}

/** An act that a route needs to be allowed. */
export interface Demand {
  readonly act: Act;
  readonly target: ObjectRef | Place | null;
  readonly otherwise: Otherwise;
}

/** The act, on what it is about. */
export function may(act: ActInOrganization, otherwise?: Otherwise): Demand;
export function may(act: ActOnObject, object: ObjectRef, otherwise?: Otherwise): Demand;
export function may(act: ActInPlace, place: Place, otherwise?: Otherwise): Demand;
export function may(act: Act, second?: ObjectRef | Place | Otherwise, third?: Otherwise): Demand {
  return second !== undefined && "type" in second
    ? { act, target: second, otherwise: third ?? {} }
    : { act, target: null, otherwise: second ?? {} };
}

export function objectRef(type: ObjectType, id: string): ObjectRef {
  return { type, id: id as ObjectId };
}

/** One text for what is not there and what may not be seen. */
export function noSuchObject(cause?: unknown): Fault {
  return new Fault("absent", "no such object", { cause });
}

/** Lets a caller act, or throws. */
export interface Access {
  /** All of these must be allowed. Absent for what the caller may not see, denied for what it may see but not do. */
  demand(caller: Caller, demands: readonly Demand[]): Promise<void>;
  /** For each object, whether the caller holds the permission on it. */
  allowed(caller: Caller, permission: Permission, objects: readonly ObjectRef[]): Promise<boolean[]>;
}

const questionsMax = 1000;

export function askDecision(decision: Decision, owners: Pick<Owners, "groups" | "grants">): Access {
  return {
    async demand(caller, demands) {
      const answers = await answersTo(caller, demands);
      const refused = demands.find((_demand, index) => answers[index] !== true);
      if (refused !== undefined) throw await refusalOf(caller, refused);
    },
    async allowed(caller, permission, objects) {
      const distinct = new Map(objects.map((object) => [`${object.type} ${object.id}`, object]));
      const answers = await ask(
        caller,
        [...distinct.values()].map((object) => ({ permission, target: object })),
      );
      const byKey = new Map([...distinct.keys()].map((key, index) => [key, answers[index] ?? false]));
      return objects.map((object) => byKey.get(`${object.type} ${object.id}`) ?? false);
    },
  };

  async function ask(caller: Caller, questions: readonly Question[]): Promise<boolean[]> {
    const answers: boolean[] = [];
    for (let from = 0; from < questions.length; from += questionsMax) {
      const { results } = await decision.batchCheck(
        {
          orgId: caller.org,
          checks: questions.slice(from, from + questionsMax).map((question) => toWire(caller, question)),
          consistency: { kind: { $case: "fullyConsistent", value: {} } },
        },
        caller.hop,
      );
      for (const { allowed, error } of results) {
        // A question is malformed when no object can have that id, which is none that can be seen; all else is a part that fails.
        if (error !== undefined && error.code !== "INVALID_ARGUMENT") {
          throw new Fault("unavailable", "decision can't answer now", { cause: error, retryAfterMs: 1000 });
        }
        answers.push(allowed && error === undefined);
      }
    }
    if (answers.length !== questions.length) throw new Fault("internal", "internal");
    return answers;
  }

  async function answersTo(caller: Caller, demands: readonly Demand[]): Promise<boolean[]> {
    const questions = demands.map((demand) => questionOf(caller, demand));
    const answers = await ask(
      caller,
      questions.filter((question) => question !== null),
    );
    return demands.map((demand, index) =>
      questions[index] === null ? standsFor(caller, demand) : (answers.shift() ?? false),
    );
  }

  async function refusalOf(caller: Caller, demand: Demand): Promise<Fault> {
    const { act, target, otherwise } = demand;
    if (await isKnown(caller, demand)) {
      const narrowed = caller.scope === null ? "" : "; the scope of the credential may not hold it";
      return new Fault("denied", `not allowed: ${neededFor(act, target)}${narrowed}`);
    }
    if (otherwise.like !== undefined) return refusalOf(caller, otherwise.like);
    return otherwise.field === undefined ? noSuchObject() : invalid(otherwise.field, "no such object");
  }

  async function isKnown(caller: Caller, { act, target, otherwise }: Demand): Promise<boolean> {
    if (otherwise.knownTo !== undefined) return (await answersTo(caller, otherwise.knownTo)).includes(true);
    if (target === null) return true;
    const object = "parent" in target ? target.parent : target;
    if (object.type === "organization" || objectTypeRow(object.type).idOf === "organization") {
      return object.id === organizationFace("organization", caller.org).id;
    }
    if (object.type === "group") {
      return sees(caller, "group") && (await exists(owners.groups.getGroup, caller, object));
    }
    if (object.type === "role")
      return sees(caller, "role") && (await exists(owners.grants.getRole, caller, object));
    if (act === "object.read") return false;
    return (await ask(caller, [{ permission: "read", target: object }])).includes(true);
  }
}

interface Question {
  readonly permission: Permission;
  readonly target: ObjectRef | Place;
}

/** What decision is to be asked, or null when the caller's standing tells. */
function questionOf(caller: Caller, { act, target }: Demand): Question | null {
  const requirement = administration[act];
  if (requirement.kind !== "permission") return null;
  if (requirement.on === "face") {
    return { permission: requirement.permission, target: organizationFace(requirement.face, caller.org) };
  }
  if (target === null) throw new Error(`${act} was asked of nothing`);
  return { permission: requirement.permission, target };
}

function standsFor(caller: Caller, { act }: Demand): boolean {
  const requirement: Requirement = administration[act];
  switch (requirement.kind) {
    case "active_member":
      return true;
    case "active_member_in_person":
      return caller.scope === null;
    case "any_grant":
      return sees(caller, requirement.sees);
    case "owner":
      return caller.owner && caller.scope === null;
    case "permission":
      return false;
  }
}

function neededFor(act: Act, target: ObjectRef | Place | null): string {
  const requirement = administration[act];
  switch (requirement.kind) {
    case "active_member":
      return "this takes an active member of the organization";
    case "active_member_in_person":
      return "this takes a credential without a scope";
    case "any_grant":
      return "this takes a member with a grant";
    case "owner":
      return "only Owners may do this";
    case "permission": {
      const on = requirement.on === "face" ? requirement.face : target?.type;
      return `this takes the permission ${requirement.permission} on the ${on ?? "object"}`;
    }
  }
}

async function exists(
  get: (request: { orgId: string; id: string }, hop: Caller["hop"]) => Promise<unknown>,
  caller: Caller,
  object: ObjectRef,
): Promise<boolean> {
  try {
    await get({ orgId: caller.org, id: object.id }, caller.hop);
    return true;
  } catch (thrown) {
    if (thrown instanceof Fault && (thrown.kind === "absent" || thrown.kind === "invalid")) return false;
    throw thrown;
  }
}

function toWire(caller: Caller, { permission, target }: Question): CheckRequest {
  return {
    orgId: caller.org,
    who: aboutCaller(caller),
    permission,
    what:
      "parent" in target
        ? { $case: "place", value: { type: target.type, parent: target.parent } }
        : { $case: "object", value: target },
    consistency: undefined,
  };
}
