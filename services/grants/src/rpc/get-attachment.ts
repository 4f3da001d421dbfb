import type { GetAttachmentRequest, GetAttachmentResponse } from "@portcullis/proto/grants/v1/grants";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentFromWire, attachmentMessage, orgFromWire } from "../wire.ts";

export async function getAttachment(
  attachments: AttachmentStore,
  request: GetAttachmentRequest,
): Promise<GetAttachmentResponse> {
  const found = await attachments.get(orgFromWire(request.orgId), attachmentFromWire(request));
  return { attachment: attachmentMessage(found) };
}
