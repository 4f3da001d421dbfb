// Facts of an organisation that is nowhere: members of one group, and experiments in a hundred projects.

import type { FactKey, FactKind, FactValues, GroupId, ObjectId, OrgId } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";

export const madeUpOrg = "0190a000-0000-7000-8000-000000000001" as OrgId;
const group = "0190a000-0000-7000-8000-0000000000c1" as GroupId;
const projects = 100;

/** May that member read that experiment? Reads two facts of the member and one of the experiment. */
export function madeUpQuestion(member: number, experiment: number): CheckRequest {
  return {
    orgId: "",
    who: { $case: "principalId", value: id("a", member) },
    permission: "read",
    what: { $case: "object", value: { type: "experiment", id: id("e", experiment) } },
    consistency: undefined,
  };
}

export function madeUpValue(key: FactKey): FactValues[FactKind] {
  switch (key.kind) {
    case "member":
      return { kind: "user" };
    case "memberships":
      return [group];
    case "groups":
      return new Map([[group, { memberGroups: [], builtIn: null }]]);
    case "roles":
      return new Map();
    case "access": {
      const { type, id: object } = key.object;
      if (type === "organization") return { parent: null, acls: [], alsoUnder: [] };
      if (type === "project") {
        const parent = { type: "organization", id: madeUpOrg as string as ObjectId } as const;
        return { parent, acls: [], alsoUnder: [] };
      }
      const project = id("f", Number.parseInt(object.slice(-11), 16) % projects) as ObjectId;
      return { parent: { type: "project", id: project }, acls: [], alsoUnder: [] };
    }
    case "acls":
    case "acls_naming":
      return [];
    case "parents":
    case "credential":
      return null;
  }
}

function id(kind: string, index: number): string {
  return `0190a000-0000-7000-8000-${kind}${index.toString(16).padStart(11, "0")}`;
}
