import type { ReplaceAttachmentRequest, ReplaceAttachmentResponse } from "@portcullis/proto/grants/v1/grants";
import { writeContext } from "@portcullis/store/write-context";
import type { AttachmentStore } from "../store/attachment-store.ts";
import { attachmentMessage, newAttachmentFromWire, orgFromWire } from "../wire.ts";

export async function replaceAttachment(
  attachments: AttachmentStore,
  request: ReplaceAttachmentRequest,
): Promise<ReplaceAttachmentResponse> {
  const org = orgFromWire(request.orgId);
  const { result, revision } = await attachments.replace(
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
