import type { FactKey } from "@portcullis/policy";
import type { Facts } from "./reader.ts";

/** The value of a fact, whichever it is; `undefined`: it is not loaded. */
export function valueOf(facts: Facts, key: FactKey): unknown {
  switch (key.kind) {
    case "member":
      return facts.member(key.principal);
    case "memberships":
      return facts.memberships(key.principal);
    case "groups":
      return facts.groups();
    case "roles":
      return facts.roles();
    case "access":
      return facts.access(key.object);
    case "parents":
      return facts.parents(key.object);
    case "acls":
      return facts.acls(key.object);
    case "acls_naming":
      return facts.aclsNaming(key.object, key.subject);
    case "credential":
      return facts.credential(key.digest);
  }
}
