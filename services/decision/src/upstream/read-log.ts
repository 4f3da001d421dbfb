import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import { mayAskAbout } from "@portcullis/checks";
import type { FactOwners } from "@portcullis/facts";
import { ownerFromWire } from "@portcullis/facts/wire";
import type { OrgId } from "@portcullis/policy";
import type { ReadLogRequest, ReadLogResponse } from "@portcullis/proto/upstream/v1/upstream";
import { stretchToWire } from "@portcullis/upstream/wire";

export async function readLog(
  owners: FactOwners,
  request: ReadLogRequest,
  call: Call,
): Promise<ReadLogResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  mayAskAbout(org, call);
  const owner = ownerFromWire(request.owner);
  if (owner === null) throw invalid("owner", "is no owner");
  return { stretch: stretchToWire(await owners[owner].readLog(org, request.after)) };
}
