import type { ObjectRef, OrgId, PrincipalId } from "@portcullis/policy";
import { type Payload, payloadForTheLog } from "./payload.ts";

/** What may be kept with an object. */
export const attachmentKinds = ["env_var", "environment", "project_score", "project_tag", "view"] as const;

export type AttachmentKind = (typeof attachmentKinds)[number];

/** Something that is kept with an object, and may be read or changed by whoever may do that to the object. */
export interface Attachment {
  readonly id: string;
  readonly org: OrgId;
  readonly kind: AttachmentKind;
  readonly object: ObjectRef;
  readonly name: string;
  readonly payload: Payload;
  /** Null when the system made it. */
  readonly creator: PrincipalId | null;
  readonly created: Date;
  readonly deletedAt: Date | null;
}

export type NewAttachment = Pick<Attachment, "kind" | "object" | "name" | "payload">;

export type NamedAttachment = Pick<Attachment, "kind" | "id">;

/** What an update gives; what it leaves out stays. */
export interface AttachmentChange {
  readonly name?: string;
  /** Merged deeply into the payload that stands. */
  readonly payload?: Payload;
}

export interface AttachmentFilter {
  readonly kind: AttachmentKind;
  /** Null: whichever. */
  readonly object: ObjectRef | null;
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly projectNames: readonly string[];
}

/** As the event log shows it. */
export function attachmentForTheLog({ payload, ...attachment }: Attachment): object {
  return { ...attachment, ...payloadForTheLog(payload) };
}
