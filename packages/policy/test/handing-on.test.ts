// Who holds all that an ACL would give, one by one.

import { expect, test } from "vitest";
import {
  type Acl,
  decideHandingOn,
  type HandingOn,
  type RoleId,
  type Scope,
  systemRoles,
} from "../src/index.ts";
import { acl, ada, org, organization, orgProject, type Placed, ref, root } from "./acme.ts";
import { loadedOnDemand } from "./loaded-on-demand.ts";
import { lookupOf } from "./organization-facts.ts";

const nowMs = 1000;
const search = ref("project", "search");
const tuned = ref("experiment", "tuned");
const read = { kind: "permission", permission: "read", restrictObjectType: null } as const;

/** Ada with these ACLs on the project. */
function lookupWith(...acls: readonly Acl[]) {
  const on: readonly Placed[] = [
    [search, orgProject, acls],
    [tuned, search],
  ];
  const roles = {
    reader: { permissions: [{ permission: "read", restrictObjectType: null } as const] },
    editor: {
      permissions: [{ permission: "update", restrictObjectType: "dataset" } as const],
      memberRoles: ["reader"],
    },
    empty: {},
  };
  return lookupOf(organization({ on, roles }));
}

const toRead = acl({ to: ada, permission: "read" });

function handing(more: Partial<HandingOn> = {}): HandingOn {
  return { org, principal: ada, nowMs, object: search, grant: read, expiresAtMs: null, ...more };
}

function held(
  lookup: ReturnType<typeof lookupWith>,
  more: Partial<HandingOn> = {},
  scope: Scope | null = null,
) {
  return decideHandingOn(handing(more), scope, lookup);
}

const yes = { kind: "decided", isHeld: true };
const no = { kind: "decided", isHeld: false };

test("what an ACL of one's own gives is held there and below", () => {
  expect(held(lookupWith(toRead))).toEqual(yes);
  expect(held(lookupWith(toRead), { object: tuned })).toEqual(yes);
  expect(held(lookupWith(toRead), { object: root })).toEqual(no);
  expect(held(lookupWith(toRead), { object: orgProject })).toEqual(no);
  expect(held(lookupWith())).toEqual(no);
});

test("two types are not every type", () => {
  const lookup = lookupWith(acl({ to: ada, only: "experiment" }), acl({ to: ada, only: "project" }));
  expect(held(lookup, { grant: { ...read, restrictObjectType: "experiment" } })).toEqual(yes);
  expect(held(lookup)).toEqual(no);
});

test("a role is held when all that it gives is, each on its type", () => {
  const grant = { kind: "role", id: "editor" as RoleId } as const;
  expect(held(lookupWith(toRead), { grant })).toEqual(no);
  const update = acl({ to: ada, permission: "update", only: "dataset" });
  expect(held(lookupWith(update), { grant })).toEqual(no);
  expect(held(lookupWith(toRead, update), { grant })).toEqual(yes);
  expect(held(lookupWith(acl({ to: ada, role: "editor" })), { grant })).toEqual(yes);
  expect(held(lookupWith(toRead, update), { grant: { kind: "role", id: systemRoles.owner.id } })).toEqual(no);
  expect(held(lookupWith(toRead), { grant: { kind: "role", id: systemRoles.viewer.id } })).toEqual(yes);
});

test("a role that gives nothing, or is none, is held by everybody", () => {
  for (const id of ["empty", "gone"]) {
    expect(held(lookupWith(), { grant: { kind: "role", id: id as RoleId } })).toEqual(yes);
  }
});

test("what ends is held until then, and not without end", () => {
  const lookup = lookupWith({ ...toRead, expiresAtMs: 2000 });
  expect(held(lookup)).toEqual(no);
  expect(held(lookup, { expiresAtMs: 1999 })).toEqual(yes);
  expect(held(lookup, { expiresAtMs: 2000 })).toEqual(no);
  expect(held(lookup, { expiresAtMs: 0 })).toEqual(yes);
  // What has ended is not held, though the ACL would have ended before.
  expect(held(lookup, { nowMs: 2000, expiresAtMs: 1500 })).toEqual(no);
  expect(held(lookupWith(toRead), { expiresAtMs: 3000 })).toEqual(yes);
});

test("with a credential that is narrowed no more is held than it lets through", () => {
  const scope: Scope = { permissions: ["read"], objectTypes: null, objects: [tuned] };
  expect(held(lookupWith(toRead), { object: tuned }, scope)).toEqual(yes);
  expect(held(lookupWith(toRead), {}, scope)).toEqual(no);
});

test("it asks for the facts that it takes", () => {
  const lookup = lookupWith(toRead, acl({ to: ada, permission: "update", only: "dataset" }));
  for (const grant of [read, { kind: "role", id: "editor" as RoleId } as const]) {
    const scope: Scope = { permissions: null, objectTypes: null, objects: [search] };
    const decide = (object = search) =>
      loadedOnDemand(lookup, (partly) =>
        decideHandingOn(handing({ grant, object }), grant === read ? scope : null, partly),
      );
    expect(decide()).toEqual(yes);
    expect(decide(root)).toEqual(no);
  }
  const nothing = () => undefined;
  const none = { ...lookup, member: nothing, memberships: nothing, groups: nothing, roles: nothing };
  expect(held(none, { grant: { kind: "role", id: "editor" as RoleId } })).toMatchObject({
    kind: "needs",
    keys: expect.arrayContaining([
      { kind: "member", org, principal: ada },
      { kind: "roles", org },
    ]),
  });
});
