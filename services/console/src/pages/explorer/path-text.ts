import { isObjectType } from "@portcullis/policy";
import type { ExplainedAcl, GrantPath, Named } from "../../api/access.ts";
import { permissionNames, typeNames, typePlurals } from "../../permissions/words.ts";
import { legible } from "../../ui/legible.ts";

/** What something is called, with its kind where that is not plain. */
export function called({ type, id, name: given }: Named): string {
  const name = given === null ? null : legible(given);
  if (type === "principal") return name ?? `…${id.slice(-6)}`;
  if (type === "group") return `group ${name ?? "without a name"}`;
  if (type === "role") return `role ${name ?? "without a name"}`;
  if (!isObjectType(type)) return name ?? type;
  if (type === "organization") return "the organization";
  if (type === "org_project") return "all projects";
  if (type === "org_member") return "the list of members";
  if (type === "org_audit_logs") return "the audit log";
  const noun = typeNames[type].toLowerCase();
  return name === null ? `${noun} …${id.slice(-6)}` : `${noun} ${name}`;
}

/** What an ACL gives, as `role Viewer` or `Read, only on experiments`. */
export function givenBy({ permission, role, restrict_object_type: only }: ExplainedAcl): string {
  const what =
    permission === null ? called(role ?? { type: "role", id: "", name: null }) : permissionNames[permission];
  return only === null ? what : `${what}, only on ${typePlurals[only].toLowerCase()}`;
}

/** How somebody has access, in a line. */
export function pathText({ acl, groups }: GrantPath): string {
  const [first, ...further] = groups;
  const through =
    first === undefined
      ? "Directly"
      : `As a member of ${nameIn(first)}${further.map((group) => `, in ${nameIn(group)}`).join("")}`;
  return `${through}: ${givenBy(acl)} on ${called(acl.on)}`;
}

function nameIn({ name }: Named): string {
  return name === null ? "a group" : legible(name);
}
