import type { DeleteAttachmentRequest, DeleteAttachmentResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentFromWire, attachmentMessage, orgFromWire } from "../wire.ts";

export async function deleteAttachment(
  attachments: AttachmentStore,
  request: DeleteAttachmentRequest,
): Promise<DeleteAttachmentResponse> {
  const { result, revision } = await attachments.delete(
    writeContext(request.context),
    orgFromWire(request.orgId),
    attachmentFromWire(request),
  );
  return { attachment: attachmentMessage(result), revision };
}
