// What the guards of all frameworks share: who asks, about what, and what becomes of the answer.

import type { NoAnswer } from "./no-answer.ts";
import type { Portcullis } from "./portcullis.ts";
import type { ObjectRef, Who } from "./question.ts";

export interface GuardOptions<Request> {
  readonly permission: string;
  /** What is asked about. Null: nothing that anybody may have. */
  readonly object: (request: Request) => ObjectRef | null;
  /** Who asks; whoever holds the bearer credential of the request, if it is not said. Null: nobody. */
  readonly who?: (request: Request) => Who | null;
}

/** Whether a request may go on, or how it ends. Nothing in it helps to find out what exists. */
export type Verdict =
  | { readonly allowed: true; readonly who: Who; readonly revision: string }
  | { readonly allowed: false; readonly status: 401 | 403 | 503; readonly reason: string };

const nobody = { allowed: false, status: 401, reason: "a valid credential is required" } as const;
const denied = { allowed: false, status: 403, reason: "not allowed" } as const;
const unanswered = { allowed: false, status: 503, reason: "access can't be decided right now" } as const;

/** Decides whether a request may go on. Whatever goes wrong, it may not. */
export async function judge<Request>(
  portcullis: Portcullis,
  { permission, object: objectOf, who: whoOf }: GuardOptions<Request>,
  request: Request,
  authorization: string | undefined,
): Promise<Verdict> {
  try {
    const who = whoOf === undefined ? bearerOf(authorization) : whoOf(request);
    if (who === null) return nobody;
    const object = objectOf(request);
    if (object === null) return denied;
    const { allowed, revision } = await portcullis.check(who, permission, object);
    return allowed ? { allowed, who, revision } : denied;
  } catch (thrown) {
    return endOf((thrown as Partial<NoAnswer>).kind);
  }
}

/** A credential that is not valid is its holder's fault, and an object whose id is none is nobody's; the rest is ours. */
function endOf(kind: NoAnswer["kind"] | undefined): Verdict {
  if (kind === "unauthenticated") return nobody;
  return kind === "invalid" ? denied : unanswered;
}

function bearerOf(authorization: string | undefined): Who | null {
  const [scheme, credential, ...rest] = (authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || credential === undefined || rest.length > 0) return null;
  return credential === "" ? null : { credential };
}
