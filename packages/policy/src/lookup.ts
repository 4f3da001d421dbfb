import type { ObjectRef } from "./catalog.ts";
import type { Access, Acl, Member, Memberships, Parents, Subject } from "./facts.ts";
import type { GroupIndex } from "./group-index.ts";
import type { PrincipalId } from "./ids.ts";
import type { RoleIndex } from "./role-index.ts";

/** The facts of one organisation, read where they lie. `undefined`: not loaded; `null`: there is no such thing. */
export interface FactLookup {
  member(principal: PrincipalId): Member | null | undefined;
  memberships(principal: PrincipalId): Memberships | undefined;
  groups(): GroupIndex | undefined;
  roles(): RoleIndex | undefined;
  access(object: ObjectRef): Access | null | undefined;
  /** The ACLs on the object that name the subject. */
  aclsNaming(object: ObjectRef, subject: Subject): readonly Acl[] | undefined;
  /** All ACLs on the object; null: there are too many. */
  acls(object: ObjectRef): readonly Acl[] | null | undefined;
}

/** One that also tells where objects stand whose ACLs are not loaded. */
export interface ParentsLookup extends FactLookup {
  parents(object: ObjectRef): Parents | null | undefined;
}
