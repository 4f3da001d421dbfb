import { expect, test } from "vitest";
import type { AclContent, Difference } from "../api/access.ts";
import { largeGroup, type Surroundings, warningsOf } from "./warnings.ts";
import { accessPermissions } from "./words.ts";

const org = "an-org";
const self = "myself";
const gives: AclContent = { object_type: "project", object_id: "p", group_id: "g", permission: "read" };
const gained: Difference = {
  principal_id: "ada",
  object: { type: "project", id: "p" },
  gained: ["read"],
  lost: [],
};

/** A change that surprises nobody. */
function plain(more: Partial<Surroundings> = {}): Surroundings {
  return {
    subject: { kind: "group", id: "g", name: "Team" },
    changes: { add: [gives], remove: [] },
    simulated: { differences: [gained], cut_off: [] },
    self,
    orgId: org,
    memberCount: 3,
    ...more,
  };
}

const manageAccess = {
  add: accessPermissions.map(
    (permission): AclContent => ({ object_type: "organization", object_id: org, group_id: "g", permission }),
  ),
  remove: [],
};

test("a change that surprises nobody is not warned of", () => {
  expect(warningsOf(plain())).toEqual([]);
});

test.each<[string, Partial<Surroundings>, RegExp]>([
  ["an empty group", { memberCount: 0, simulated: { differences: [], cut_off: [] } }, /has no members/],
  ["what everybody has", { simulated: { differences: [], cut_off: [] } }, /has it already/],
  [
    "locking oneself out",
    {
      changes: { add: [], remove: [gives] },
      simulated: {
        differences: [{ ...gained, principal_id: self, gained: [], lost: ["read_acls"] }],
        cut_off: [],
      },
    },
    /from yourself/,
  ],
  [
    "Manage access for a large group",
    { changes: manageAccess, memberCount: largeGroup + 1 },
    new RegExp(`all ${largeGroup + 1} members`),
  ],
])("%s is warned of", (_name, more, text) => {
  expect(warningsOf(plain(more))).toEqual([expect.stringMatching(text)]);
});

test.each<[string, Partial<Surroundings>]>([
  ["a group that is not large", { changes: manageAccess, memberCount: largeGroup }],
  ["a look that was cut off", { simulated: { differences: [], cut_off: ["principals"] } }],
  [
    "a change that takes alone",
    { changes: { add: [], remove: [gives] }, simulated: { differences: [], cut_off: [] } },
  ],
  [
    "somebody else losing access",
    {
      changes: { add: [], remove: [gives] },
      simulated: { differences: [{ ...gained, gained: [], lost: ["update"] }], cut_off: [] },
    },
  ],
  [
    "losing what one needs for nothing else",
    {
      changes: { add: [], remove: [gives] },
      simulated: {
        differences: [{ ...gained, principal_id: self, gained: [], lost: ["read"] }],
        cut_off: [],
      },
    },
  ],
  [
    "a part of access to one project",
    { changes: { add: [{ ...gives, permission: "create_acls" }], remove: [] }, memberCount: 500 },
  ],
])("%s is not", (_name, more) => {
  expect(warningsOf(plain(more))).toEqual([]);
});
