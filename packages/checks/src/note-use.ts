import type { CredentialId, OrgId } from "@portcullis/policy";

/** Notes that a credential was shown by somebody, and found good. Nobody waits for it. */
export type NoteUse = (org: OrgId, id: CredentialId, nowMs: number) => void;
