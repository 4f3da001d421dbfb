export { type ConnectOptions, connect } from "./connect.ts";
export { NoAnswer, type NoAnswerKind } from "./no-answer.ts";
export type {
  Asking,
  Checked,
  CheckedOrNot,
  Explained,
  PermittedPrincipal,
  Portcullis,
  WatchedEvent,
  Watching,
} from "./portcullis.ts";
export type { ObjectRef, Place, Question, Target, Who } from "./question.ts";
export { sawRevision, withOwnRevisions } from "./revisions.ts";
export { settingsOf } from "./settings.ts";
