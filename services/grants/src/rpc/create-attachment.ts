import type { CreateAttachmentRequest, CreateAttachmentResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentMessage, newAttachmentFromWire, orgFromWire } from "../wire.ts";

export async function createAttachment(
  attachments: AttachmentStore,
  request: CreateAttachmentRequest,
): Promise<CreateAttachmentResponse> {
  const org = orgFromWire(request.orgId);
  const { result, revision } = await attachments.create(
    writeContext(request.context),
    org,
    newAttachmentFromWire(request.attachment),
  );
  return {
    attachment: attachmentMessage(result.attachment),
    foundExisting: result.foundExisting,
    revision,
  };
}
