export { type ConnectOptions, connect } from "./connect.ts";
export { NoAnswer } from "./no-answer.ts";
export type {
  Asking,
  Checked,
  Explained,
  PermittedPrincipal,
  Portcullis,
  WatchedEvent,
} from "./portcullis.ts";
export type { ObjectRef, Question, Who } from "./question.ts";
export { sawRevision, withOwnRevisions } from "./revisions.ts";
