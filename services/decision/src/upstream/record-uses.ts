import { invalid } from "@portcullis/chassis/fault";
import { list, present, uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import { mayAskAbout, type NoteUse } from "@portcullis/checks";
import { entriesMax } from "@portcullis/facts";
import type { CredentialId, OrgId } from "@portcullis/policy";
import type { RecordUsesRequest, RecordUsesResponse } from "@portcullis/proto/upstream/v1/upstream";

export function recordUses(noteUse: NoteUse, { uses }: RecordUsesRequest, call: Call): RecordUsesResponse {
  const told = list(uses, "uses", entriesMax).map(({ orgId, id, at }, index) => {
    const org = uuid<OrgId>(orgId, `uses[${index}].org_id`);
    mayAskAbout(org, call);
    const atMs = present(at, `uses[${index}].at`).getTime();
    // Such a one could not be passed on, and neither could those that wait beside it.
    if (!(atMs >= 0)) throw invalid(`uses[${index}].at`, "must be a time since 1970");
    return { org, id: uuid<CredentialId>(id, `uses[${index}].id`), atMs };
  });
  // Nobody has used a key in the time to come.
  for (const { org, id, atMs } of told) noteUse(org, id, Math.min(atMs, Date.now()));
  return {};
}
