import { invalid } from "@portcullis/chassis/fault";
import { list, optionalText, text } from "@portcullis/chassis/fields";
import { owners } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";

/** The context of a write, which every write must bring: who asked, and under which request id. */
export function writeContext(context: WriteContext | undefined): WriteContext {
  if (context === undefined) throw invalid("context", "is required");
  const { actor } = context;
  return {
    actor: actor && {
      principalId: optionalText(actor.principalId, "context.actor.principal_id", 128),
      credentialId: optionalText(actor.credentialId, "context.actor.credential_id", 128),
      impersonatedId: optionalText(actor.impersonatedId, "context.actor.impersonated_id", 128),
    },
    requestId: text(context.requestId, "context.request_id", 128),
    sourceAddress: optionalText(context.sourceAddress, "context.source_address", 128),
    unchangedSince: [...list(context.unchangedSince, "context.unchanged_since", owners.length)],
  };
}
