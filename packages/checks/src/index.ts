export { batchCheck } from "./batch-check.ts";
export { authenticateCallers, mayAskAbout } from "./callers.ts";
export { check, type Deciding, questionOf } from "./check.ts";
export { checkStream } from "./check-stream.ts";
export { CredentialUses, type UseKeeper } from "./credential-uses.ts";
export { badCredential } from "./credentials.ts";
export { decisionLog } from "./decision-log.ts";
export { namedCheck } from "./named-check.ts";
export type { NoteUse } from "./note-use.ts";
export { permissions } from "./permissions.ts";
export { findPrincipals, type Principal, type PrincipalOf, type PrincipalsFor } from "./principal.ts";
export { ServedDecision } from "./served-decision.ts";
export {
  consistencyFromWire,
  pageLimitFromWire,
  permissionFromWire,
  revisionFromText,
  type Who,
  whoFromWire,
} from "./wire.ts";
