import type { ObjectType, Permission } from "@portcullis/policy";
import { describe, expect, test } from "vitest";
import type { Acl, AclContent } from "../api/access.ts";
import {
  type DialogSection,
  groupRows,
  objectRows,
  organizationRows,
  projectRows,
  ticksOf,
} from "./dialog-rows.ts";
import {
  changesOf,
  isGivenByWider,
  readAcls,
  type SetTicks,
  type Subject,
  type Ticks,
  withAll,
  withTick,
} from "./ticks.ts";

const org = "11111111-1111-4111-8111-111111111111";
const project = "22222222-2222-4222-8222-222222222222";
const group: Subject = { kind: "group", id: "33333333-3333-4333-8333-333333333333", name: "Team" };
const person: Subject = { kind: "user", id: "44444444-4444-4444-8444-444444444444", name: "Ada" };

const dialogs: readonly (readonly [string, readonly DialogSection[]])[] = [
  ["organization", organizationRows(org)],
  ["project", projectRows(project)],
  ["object", objectRows({ type: "experiment", id: project })],
  ["group", groupRows(project)],
];

let number = 0;
function aclOf(content: Partial<AclContent>, more: Partial<Acl> = {}): Acl {
  number += 1;
  return {
    id: `acl-${number}`,
    object_type: "organization",
    object_id: org,
    user_id: content.user_id ?? null,
    group_id: content.group_id ?? null,
    permission: content.permission ?? null,
    restrict_object_type: content.restrict_object_type ?? null,
    role_id: null,
    created: null,
    expires_at: null,
    ...(content.object_type !== undefined && { object_type: content.object_type }),
    ...(content.object_id !== undefined && { object_id: content.object_id }),
    ...more,
  };
}

function grantsOf(contents: readonly AclContent[]): readonly string[] {
  return contents.map((acl) => `${acl.object_type} ${acl.permission} ${acl.restrict_object_type ?? "-"}`);
}

describe.each(dialogs)("the dialog of a %s", (_name, sections) => {
  const off: Ticks = readAcls(sections, [], group).ticks;
  const untouched: SetTicks = new Map();

  test("each tick, set and saved, is read back as that tick and no other", () => {
    for (const tick of ticksOf(sections)) {
      const set = withTick(untouched, tick.id, true);
      const { add, remove } = changesOf(sections, [], group, set);
      expect(remove).toEqual([]);
      const { ticks, others } = readAcls(
        sections,
        add.map((content) => aclOf(content)),
        group,
      );
      expect(ticks).toEqual(new Map([...off, ...set]));
      expect(others).toEqual([]);
    }
  });

  test("taking a tick away removes what setting it added", () => {
    for (const tick of ticksOf(sections)) {
      const { add } = changesOf(sections, [], person, withTick(untouched, tick.id, true));
      const acls = add.map((content) => aclOf(content));
      const back = changesOf(sections, acls, person, withTick(untouched, tick.id, false));
      expect(back).toEqual({ add: [], remove: add });
    }
  });

  test("no two ticks stand for the same ACL", () => {
    const grants = ticksOf(sections).flatMap((tick) => tick.grants.map((grant) => JSON.stringify(grant)));
    expect(new Set(grants).size).toBe(grants.length);
  });

  test("what nobody touched changes nothing", () => {
    const contents = changesOf(sections, [], group, withAll(sections, true)).add;
    const acls = contents.map((content) => aclOf(content));
    expect(changesOf(sections, acls, group, untouched)).toEqual({ add: [], remove: [] });
  });
});

test.each<[string, readonly string[]]>([
  ["organization/settings", ["organization update organization"]],
  ["organization/members", ["organization create org_member"]],
  ["organization/remove-members", ["organization delete org_member"]],
  [
    "organization/manage-access",
    ["create_acls", "read_acls", "update_acls", "delete_acls"].map((one) => `organization ${one} -`),
  ],
  ["organization/audit-logs", ["org_audit_logs read -"]],
  ["all-projects/read", ["org_project read -"]],
  [
    "all-projects/access",
    ["create_acls", "read_acls", "update_acls", "delete_acls"].map((one) => `org_project ${one} -`),
  ],
])("in the organization %s stands for its documented ACLs", (tick, grants) => {
  const sections = organizationRows(org);
  const { add } = changesOf(sections, [], group, withTick(new Map(), tick, true));
  expect(grantsOf(add)).toEqual(grants);
  for (const acl of add) expect(acl).toMatchObject({ object_id: org, group_id: group.id });
});

test("in a project each row is restricted to its kind", () => {
  const sections = projectRows(project);
  for (const kind of [
    "project",
    "experiment",
    "dataset",
    "project_log",
    "prompt",
    "prompt_session",
  ] as const) {
    const { add } = changesOf(sections, [], person, withTick(new Map(), `${kind}/read`, true));
    expect(grantsOf(add)).toEqual([`project read ${kind}`]);
    expect(add[0]).toMatchObject({ object_id: project, user_id: person.id });
  }
});

test.each<[string, Partial<Acl>]>([
  ["a role", { permission: null, role_id: "a-role" }],
  ["what expires", { permission: "read", object_type: "org_project", expires_at: "2030-01-01T00:00:00Z" }],
  ["a form that no tick has", { permission: "update" }],
])("%s is listed beside the ticks, and left alone", (_name, more) => {
  const sections = organizationRows(org);
  const acl = aclOf({ group_id: group.id }, more);
  const { ticks, others } = readAcls(sections, [acl], group);
  expect([...ticks.values()].every((state) => state === "off")).toBe(true);
  expect(others).toEqual([acl]);
  expect(changesOf(sections, [acl], group, withAll(sections, false)).remove).toEqual([]);
});

test("a part of Manage access shows as a part, and either way out is exact", () => {
  const sections = organizationRows(org);
  const held = (["create_acls", "read_acls"] satisfies Permission[]).map((permission) =>
    aclOf({ group_id: group.id, permission }),
  );
  const { ticks } = readAcls(sections, held, group);
  const tick = "organization/manage-access";
  expect(ticks.get(tick)).toBe("some");
  expect(changesOf(sections, held, group, new Map())).toEqual({ add: [], remove: [] });
  const on = changesOf(sections, held, group, withTick(new Map(), tick, true));
  expect(grantsOf(on.add)).toEqual(["organization update_acls -", "organization delete_acls -"]);
  const off = changesOf(sections, held, group, withTick(new Map(), tick, false));
  expect(grantsOf(off.remove)).toEqual(["organization create_acls -", "organization read_acls -"]);
});

test("the ACLs of others are neither shown nor touched", () => {
  const sections = organizationRows(org);
  const acls = [
    aclOf({ group_id: "another", permission: "read", object_type: "org_project" }),
    aclOf({ user_id: group.id, permission: "read", object_type: "org_project" }),
  ];
  const { ticks, others } = readAcls(sections, acls, group);
  expect(ticks.get("all-projects/read")).toBe("off");
  expect(others).toEqual([]);
});

test("what a wider tick gives shows as given, and select all sets the wider one alone", () => {
  const sections = projectRows(project);
  const all = withAll(sections, true);
  const restricted = ticksOf(sections).filter((tick) => tick.within !== undefined);
  expect(restricted.length).toBeGreaterThan(0);
  for (const tick of restricted) expect(isGivenByWider(tick, all)).toBe(true);
  const restrictions = changesOf(sections, [], person, all).add.map((acl) => acl.restrict_object_type);
  expect(new Set<ObjectType | undefined>(restrictions)).toEqual(new Set([undefined]));
});
