// What the guards of all frameworks share: who asks, about what, and what becomes of the answer.

import { type NoAnswer, noAnswer } from "./no-answer.ts";
import type { Checked, Portcullis } from "./portcullis.ts";
import type { Target, Who } from "./question.ts";
import { withRevisionsOf } from "./revisions.ts";

export interface GuardOptions<Request> {
  readonly permission: string;
  /** What is asked about. Null: nothing that anybody may have. */
  readonly object: (request: Request) => Target | null | Promise<Target | null>;
  /** Who asks; whoever holds the bearer credential of the request, if it is not said. Null: nobody. */
  readonly who?: (request: Request) => Who | null | Promise<Who | null>;
}

/** Who was let through. */
export type Access = Pick<Checked, "principalId" | "revision">;

/** How a request ends that may not go on. Nothing in it helps to find out what exists. */
interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly reason: string;
}

/** How a framework goes on with a request, or ends it. */
export interface Ends {
  readonly letThrough: () => void;
  readonly refuse: (refusal: Refusal) => void;
  /** When even that went wrong. */
  readonly fail: (error: unknown) => void;
}

const nobody = { status: 401, reason: "a valid credential is required" } as const;
const denied = { status: 403, reason: "not allowed" } as const;
const unanswered = { status: 503, reason: "access can't be decided right now" } as const;

const letThrough = new WeakMap<object, Access>();

/** Who was let through with this request. Throws if no guard has let it through. */
export function accessOf(request: object): Access {
  const access = letThrough.get(request);
  if (access === undefined) throw new Error("no guard has let this request through");
  return access;
}

/**
 * Decides whether a request may go on, and ends it otherwise. What is asked while it goes on has seen what was told to
 * `sawRevision` in it. Whatever goes wrong, it may not go on.
 */
export function pass<Request extends object>(
  portcullis: Portcullis,
  options: GuardOptions<Request>,
  request: Request,
  authorization: string | undefined,
  ends: Ends,
): void {
  const decide = async (): Promise<void> => {
    const verdict = await judge(portcullis, options, request, authorization);
    if ("status" in verdict) {
      ends.refuse(verdict);
      return;
    }
    letThrough.set(request, verdict);
    ends.letThrough();
  };
  withRevisionsOf(request, decide).catch(ends.fail);
}

async function judge<Request>(
  portcullis: Portcullis,
  { permission, object: objectOf, who: whoOf }: GuardOptions<Request>,
  request: Request,
  authorization: string | undefined,
): Promise<Access | Refusal> {
  try {
    const who = whoOf === undefined ? bearerOf(authorization) : await whoOf(request);
    if (who === null) return nobody;
    const object = await objectOf(request);
    if (object === null) return denied;
    const { allowed, principalId, revision } = await portcullis.check(who, permission, object);
    return allowed ? { principalId, revision } : denied;
  } catch (thrown) {
    const error = noAnswer(thrown);
    const refusal = refusalOf(error);
    if (refusal === unanswered) portcullis.onNoAnswer(error);
    return refusal;
  }
}

/** A credential that is not valid is its holder's fault, and an id that is none is nobody's; the rest is ours, as our own is. */
function refusalOf({ kind, field }: NoAnswer): Refusal {
  if (kind === "unauthenticated") return field === "authorization" ? unanswered : nobody;
  if (field === "credential") return nobody;
  return kind === "invalid" && field?.endsWith("id") === true ? denied : unanswered;
}

function bearerOf(authorization: string | undefined): Who | null {
  const [scheme, credential, ...rest] = (authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || credential === undefined || rest.length > 0) return null;
  return credential === "" ? null : { credential };
}
