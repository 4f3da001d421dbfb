import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { difference, editedList, type Group, groupForTheLog } from "./group.ts";

const ids = fc.array(fc.constantFrom(...(["a", "b", "c", "d", "e"] as PrincipalId[])));

test("an edit replaces, then adds, then removes", () => {
  fc.assert(
    fc.property(ids, fc.option(ids), ids, ids, (before, replace, add, remove) => {
      const after = editedList(before, { replace, add, remove });
      const expected = new Set([...(replace ?? before), ...add]);
      for (const id of remove) expected.delete(id);
      expect(after).toEqual([...expected].sort());
    }),
  );
});

test("a difference leads from one list to the other", () => {
  fc.assert(
    fc.property(ids, ids, (before, after) => {
      const { added, removed } = difference(before, after);
      const reached = new Set([...before.filter((id) => !removed.includes(id)), ...added]);
      expect(reached).toEqual(new Set(after));
      expect(added.filter((id) => before.includes(id))).toEqual([]);
      expect(removed.filter((id) => after.includes(id))).toEqual([]);
    }),
  );
});

test("the log tells a long list by its length and what moved, a short one whole", () => {
  const group: Group = {
    id: "g" as GroupId,
    org: "o" as OrgId,
    creator: null,
    created: new Date(0),
    name: "Team",
    description: null,
    principals: Array.from({ length: 1000 }, (_, index) => `p${index}` as PrincipalId),
    memberGroups: [],
    builtIn: null,
    externalId: null,
    deletedAt: null,
  };
  const { name, description, principals, memberGroups } = group;
  expect(groupForTheLog(group)).toEqual({ name, description, principals, memberGroups });
  const one = "one more" as PrincipalId;
  const larger = { ...group, principals: [...principals, one] };
  expect(groupForTheLog(larger, { principals: [one] })).toEqual({
    name,
    description,
    principalsLeftOut: { count: 1001, moved: [one] },
    memberGroups,
  });
  expect(groupForTheLog(larger)).toMatchObject({ principalsLeftOut: { count: 1001, moved: [] } });
});
