// Acts a story out in facts alone. It cleans up nothing: what is deleted is still named by all that named it, as it is in
// the moment after the deletion.

import {
  type Acl,
  type AclId,
  type BuiltInGroup,
  builtInGroups,
  type GroupId,
  type GroupNode,
  type Member,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  objectTypeRow,
  organizationFace,
  type PrincipalId,
  type Question,
  type RoleId,
  type RoleNode,
  systemRoles,
} from "../src/index.ts";
import type { OneTarget } from "./oracle.ts";
import {
  type ObjectText,
  type OrganizationFacts,
  objectText,
  type WholeAccess,
} from "./organization-facts.ts";
import type {
  Change,
  Expectation,
  NamedAcl,
  NamedGroup,
  NamedObject,
  NamedRole,
  NamedTarget,
  NewObject,
  Scenario,
} from "./scenarios.ts";

export interface Stage {
  /** The facts as they stand; a later change does not reach into them. */
  facts(): OrganizationFacts;
  change(change: Change): void;
  question(expectation: Expectation): Question & { readonly target: OneTarget };
}

/** Sets the scene of a story: all that is there before the first expectation. */
export function setStage(scenario: Scenario, { nowMs }: { readonly nowMs: number }): Stage {
  const named = new Map<string, string>();
  const members = new Map<PrincipalId, Member>();
  const memberships = new Map<PrincipalId, readonly GroupId[]>();
  const groups = new Map<GroupId, GroupNode>();
  const roles = new Map<RoleId, RoleNode>();
  const access = new Map<ObjectText, WholeAccess>();
  const org = introduce<OrgId>("organization");
  const root = organizationFace("organization", org);

  access.set(objectText(root), { parent: null, alsoUnder: [], acls: [] });
  for (const { id, name } of Object.values(systemRoles)) named.set(`role ${name}`, id);
  for (const builtIn of Object.keys(builtInGroups) as BuiltInGroup[]) {
    const { name, role, on } = builtInGroups[builtIn];
    groups.set(introduce<GroupId>(`group ${name}`), { memberGroups: [], builtIn });
    const grant = { kind: "role", name: systemRoles[role].name } as const;
    addAcl({ subject: { kind: "group", name }, on: { type: on, name: null }, grant, expiresInMs: null });
  }
  for (const { name, kind } of scenario.principals) members.set(introduce(`principal ${name}`), { kind });
  for (const name of scenario.strangers) introduce(`principal ${name}`);
  for (const group of scenario.groups) addGroup(group);
  for (const role of scenario.roles) setRole(introduce(`role ${role.name}`), role);
  for (const object of scenario.objects) addObject(object);
  for (const acl of scenario.acls) addAcl(acl);

  return {
    facts: () => ({
      org,
      members: new Map(members),
      memberships: new Map(memberships),
      groups: new Map(groups),
      roles: new Map(roles),
      access: new Map(access),
    }),
    change,
    question: ({ who, permission, target }) => ({
      org,
      principal: idOf<PrincipalId>(`principal ${who}`),
      permission,
      target: targetOf(target),
      nowMs,
    }),
  };

  function introduce<Id extends string>(name: string): Id {
    if (named.has(name)) throw new Error(`two are named ${name}`);
    const id = `20000000-0000-4000-8000-${String(named.size).padStart(12, "0")}`;
    named.set(name, id);
    return id as Id;
  }

  /** A misspelt name must not pass for somebody who may not. */
  function idOf<Id extends string>(name: string): Id {
    const id = named.get(name);
    if (id === undefined) throw new Error(`nothing is named ${name}`);
    return id as Id;
  }

  function change(change: Change): void {
    switch (change.kind) {
      case "add_principal_to_group":
        return join(change.principal, change.group);
      case "remove_principal_from_group": {
        const principal = idOf<PrincipalId>(`principal ${change.principal}`);
        const left = idOf<GroupId>(`group ${change.group}`);
        memberships.set(
          principal,
          (memberships.get(principal) ?? []).filter((group) => group !== left),
        );
        return;
      }
      case "add_group_to_group":
        return nest(change.group, (nested) => [...nested, idOf(`group ${change.member}`)]);
      case "remove_group_from_group": {
        const left = idOf<GroupId>(`group ${change.member}`);
        return nest(change.group, (nested) => nested.filter((group) => group !== left));
      }
      case "remove_member":
        members.delete(idOf(`principal ${change.principal}`));
        return;
      case "delete_group":
        groups.delete(idOf(`group ${change.group}`));
        return;
      case "delete_role":
        roles.delete(idOf(`role ${change.role}`));
        return;
      case "change_role":
        return setRole(idOf(`role ${change.role.name}`), change.role);
      case "create_object":
        return addObject(change.object);
      case "delete_object":
        access.delete(objectText(refOf(change.object)));
        return;
      case "set_public": {
        const text = objectText(refOf(change.object));
        const { publicRead: _before, ...fact } = standing(text);
        access.set(text, { ...fact, ...(change.isPublic && { publicRead: true }) });
        return;
      }
      case "list_project": {
        const text = objectText(refOf(change.project));
        const fact = standing(text);
        access.set(text, { ...fact, alsoUnder: [...fact.alsoUnder, refOf(change.by)] });
        return;
      }
      case "unlist_project": {
        const text = objectText(refOf(change.project));
        const by = objectText(refOf(change.by));
        const fact = standing(text);
        access.set(text, {
          ...fact,
          alsoUnder: fact.alsoUnder.filter((other) => objectText(other) !== by),
        });
        return;
      }
      case "grant":
        return addAcl(change.acl);
      case "withdraw":
        return withdraw(change.acl);
      default:
        return change satisfies never;
    }
  }

  function standing(text: ObjectText): WholeAccess {
    const fact = access.get(text);
    if (fact === undefined) throw new Error(`${text} is not there`);
    return fact;
  }

  function addGroup({ name, builtIn, members: joining, memberGroups }: NamedGroup): void {
    if (builtIn === null) groups.set(introduce(`group ${name}`), { memberGroups: [], builtIn: null });
    nest(name, () => memberGroups.map((group) => idOf(`group ${group}`)));
    for (const principal of joining) join(principal, name);
  }

  function join(principal: string, group: string): void {
    const id = idOf<PrincipalId>(`principal ${principal}`);
    memberships.set(id, [...(memberships.get(id) ?? []), idOf(`group ${group}`)]);
  }

  function nest(group: string, change: (nested: readonly GroupId[]) => readonly GroupId[]): void {
    const id = idOf<GroupId>(`group ${group}`);
    const node = groups.get(id);
    if (node === undefined) throw new Error(`group ${group} is gone`);
    groups.set(id, { ...node, memberGroups: change(node.memberGroups) });
  }

  function setRole(id: RoleId, { permissions, memberRoles }: NamedRole): void {
    roles.set(id, { permissions, memberRoles: memberRoles.map((role) => idOf(`role ${role}`)) });
  }

  function addObject({ object, parent, alsoUnder, publicRead }: NewObject): void {
    introduce(`${object.type} ${object.name}`);
    const ref = refOf(object);
    const listedBy = alsoUnder.map(refOf);
    access.set(objectText(ref), {
      parent: refOf(parent),
      alsoUnder: listedBy,
      ...(publicRead && { publicRead }),
      acls: [],
    });
    if (object.type === "project") {
      access.set(objectText({ type: "project_log", id: ref.id }), { parent: ref, alsoUnder: [], acls: [] });
    }
  }

  function addAcl(acl: NamedAcl): void {
    const on = refOf(acl.on);
    const fact = access.get(objectText(on)) ?? { parent: root, alsoUnder: [], acls: [] };
    const id = introduce<AclId>(`acl ${named.size}`);
    access.set(objectText(on), { ...fact, acls: [...fact.acls, { id, ...contentOf(acl) }] });
  }

  function withdraw(acl: NamedAcl): void {
    const on = objectText(refOf(acl.on));
    const fact = access.get(on);
    const content = identity(contentOf(acl));
    const left = (fact?.acls ?? []).filter((other) => identity(other) !== content);
    if (fact === undefined || left.length === fact.acls.length) throw new Error("there is no such ACL");
    access.set(on, { ...fact, acls: left });
  }

  function contentOf({ subject, grant, expiresInMs }: NamedAcl): Omit<Acl, "id"> {
    return {
      subject:
        subject.kind === "principal"
          ? { kind: "principal", id: idOf(`principal ${subject.name}`) }
          : { kind: "group", id: idOf(`group ${subject.name}`) },
      grant: grant.kind === "role" ? { kind: "role", id: idOf(`role ${grant.name}`) } : grant,
      expiresAtMs: expiresInMs === null ? null : nowMs + expiresInMs,
    };
  }

  function targetOf(target: NamedTarget): OneTarget {
    return target.kind === "object"
      ? { kind: "object", object: refOf(target.object) }
      : { kind: "place", type: target.type, parent: refOf(target.parent) };
  }

  function refOf({ type, name }: NamedObject): ObjectRef {
    if (name === null) return { type, id: org as string as ObjectId };
    return { type, id: idOf(objectTypeRow(type).idOf === "project" ? `project ${name}` : `${type} ${name}`) };
  }
}

/** Two ACLs on one object that differ in nothing but the expiry are one. */
function identity({ subject, grant }: Omit<Acl, "id">): string {
  return JSON.stringify([subject, grant]);
}
