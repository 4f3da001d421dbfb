import type { UpdateAttachmentRequest, UpdateAttachmentResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentChangeFromWire, attachmentFromWire, attachmentMessage, orgFromWire } from "../wire.ts";

export async function updateAttachment(
  attachments: AttachmentStore,
  request: UpdateAttachmentRequest,
): Promise<UpdateAttachmentResponse> {
  const { result, revision } = await attachments.update(
    writeContext(request.context),
    orgFromWire(request.orgId),
    attachmentFromWire(request),
    attachmentChangeFromWire(request),
  );
  return { attachment: attachmentMessage(result), revision };
}
