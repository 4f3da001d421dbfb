import type { ListAttachmentsRequest, ListAttachmentsResponse } from "@portcullis/proto/grants/v1/grants";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentFilterFromWire, attachmentMessage, orgFromWire } from "../wire.ts";

export async function listAttachments(
  attachments: AttachmentStore,
  request: ListAttachmentsRequest,
): Promise<ListAttachmentsResponse> {
  const org = orgFromWire(request.orgId);
  const found = await attachments.list(org, attachmentFilterFromWire(request), request.page);
  return { attachments: found.map(attachmentMessage) };
}
