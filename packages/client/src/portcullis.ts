import type { NoAnswer } from "./no-answer.ts";
import type { ObjectRef, Question, Target, Who } from "./question.ts";

/**
 * Asks a sidecar or decision. Whatever is asked in one tick goes out as one call. All of it throws {@link NoAnswer} but
 * `isAllowed`, and no answer must be treated as *no*.
 */
export interface Portcullis extends Disposable {
  /**
   * May they? False as well when there is no answer, whatever the reason, which is told to `onNoAnswer`: nothing may be
   * done that nobody has allowed.
   */
  isAllowed(who: Who, permission: string, object: Target, asking?: Asking): Promise<boolean>;
  /** May they? */
  check(who: Who, permission: string, object: Target, asking?: Asking): Promise<Checked>;
  /** Up to 1,000 questions, at one moment, answered in order; one that is malformed fails alone, as *no*, with its error. */
  checkAll(questions: readonly Question[], asking?: Asking): Promise<readonly CheckedOrNot[]>;
  /** All that they may do to an object. */
  permissions(who: Who, object: ObjectRef, asking?: Asking): Promise<readonly string[]>;
  /** Why a check answers as it does. */
  explain(who: Who, permission: string, object: Target, asking?: Asking): Promise<Explained>;
  /** The ids of all objects of a type on which they have a permission, as they are taken. */
  listObjects(
    who: Who,
    permission: string,
    type: string,
    asking?: Asking & { readonly under?: ObjectRef },
  ): AsyncIterable<string>;
  /** All who have a permission on an object, as they are taken. */
  listPrincipals(permission: string, object: ObjectRef, asking?: Asking): AsyncIterable<PermittedPrincipal>;
  /**
   * What happens to the organisation, from now or from behind a revision on, each event once, until nobody takes more.
   * Once it has begun, an interruption is told to `onNoAnswer`, and it goes on behind the last event.
   */
  watch(asking?: Watching): AsyncIterable<WatchedEvent>;
  /** Whom to tell what could not be answered. */
  readonly onNoAnswer: (error: NoAnswer) => void;
}

/** How something is asked. */
export interface Asking {
  /** How long to wait for the answer, retries and all; 500 ms for checks and 5 s for the rest, unless it is said. */
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
  /** Who was asked about: as named, or the holder of the credential. */
  readonly principalId: string;
  /** Opaque: what the answer has seen. */
  readonly revision: string;
}

/** One of many answers. Without one it is not allowed, and nothing else is known. */
export type CheckedOrNot =
  | (Checked & { readonly error: null })
  | { readonly allowed: false; readonly error: NoAnswer };

export interface Explained {
  readonly allowed: boolean;
  /** grant or public; not_a_member, no_such_object, no_grant, outside_scope, ... */
  readonly reason: string;
  /** The answer and its nearest cause, as one line of English. */
  readonly sentence: string;
  readonly revision: string;
}

export interface PermittedPrincipal {
  readonly id: string;
  readonly name: string;
}

export interface Watching {
  /** Begin behind this revision, of an event or of a write. */
  readonly from?: string;
  readonly signal?: AbortSignal;
}

/** What has happened to an organisation. */
export interface WatchedEvent {
  /** Where to go on behind this event. */
  readonly revision: string;
  /** As `member_added`. */
  readonly action: string;
  readonly subject: ObjectRef;
  /** Who did it; null: the system itself. */
  readonly actor: string | null;
  readonly at: Date;
  /** The subject before and after; null where there is none. */
  readonly before: unknown;
  readonly after: unknown;
}
