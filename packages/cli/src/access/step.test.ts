import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyAccess, changed, done, given } from "../../test/model.ts";
import { type Access, type Atom, accessOf, atomName, isSameAccess } from "./atom.ts";
import { proposalOf } from "./proposal.ts";
import { stepsBetween } from "./step.ts";

const sorted = (access: Access) => [...access.values()].map((atom) => JSON.stringify(atom)).toSorted();

test("the steps lead from any access to any other one, each a write that can be made", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, (from, to) => {
      const end = stepsBetween(from, to).reduce(done, from);
      deepEqual(sorted(end), sorted(to));
    }),
    { numRuns: 300 },
  );
});

test("on the way nobody ever has what they have neither before nor after", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, (from, to) => {
      const allowed = new Set([...given(from), ...given(to)]);
      let access: Access = from;
      for (const step of stepsBetween(from, to)) {
        access = done(access, step);
        deepEqual(
          [...given(access)].filter((one) => !allowed.has(one)),
          [],
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("steps that broke off anywhere are gone on with from where they are, and as safely", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, fc.nat(), (from, to, at) => {
      const steps = stepsBetween(from, to);
      const half = steps.slice(0, at % (steps.length + 1)).reduce(done, from);
      const allowed = new Set([...given(from), ...given(to)]);
      let access: Access = half;
      for (const step of stepsBetween(half, to)) {
        access = done(access, step);
        deepEqual(
          [...given(access)].filter((one) => !allowed.has(one)),
          [],
        );
      }
      expect(isSameAccess(access, to)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("what is simulated gives everybody what the steps give them, on all that is there already", () => {
  fc.assert(
    fc.property(anyAccess, anyAccess, (from, to) => {
      const isThere = (kind: "group" | "role", name: string) =>
        from.has(
          atomName(
            kind === "group" ? { kind, group: name, description: "" } : { kind, role: name, description: "" },
          ),
        );
      const ids = {
        group: (name: string) => (isThere("group", name) ? name : undefined),
        role: (name: string) => (name === "Viewer" || isThere("role", name) ? name : undefined),
      };
      const { changes } = proposalOf(stepsBetween(from, to), to, ids);
      const end = changes.reduce(changed, from);
      const onWhatIsThere = (access: Access) =>
        [...given(access)]
          .filter((text) => {
            const [, , type, key] = JSON.parse(text) as [number, string, string, string];
            return (type !== "group" && type !== "role") || isThere(type, key);
          })
          // A restriction to what can't be there gives nothing; and simulated is what would be now.
          .filter((text) => {
            const [moment, , type, , what] = JSON.parse(text) as [number, string, string, string, string];
            const canBe = !what.endsWith(" dataset") || type === "project" || type === "dataset";
            return moment === 0 && canBe;
          })
          .toSorted();
      deepEqual(onWhatIsThere(end), onWhatIsThere(to));
    }),
    { numRuns: 300 },
  );
});

test("in Owners one comes and another goes in one write, so that an Owner is left all the while", () => {
  const owners = (...principals: string[]): Access =>
    accessOf([
      { kind: "group", group: "Owners", description: "" },
      { kind: "group", group: "Admins", description: "" },
      { kind: "nested", group: "Owners", memberGroup: "Admins" },
      ...principals.map((principal): Atom => ({ kind: "member", group: "Admins", principal })),
    ]);
  expect(stepsBetween(owners("p"), owners("q"))).toEqual([
    {
      do: "update_group",
      group: "Admins",
      addMembers: ["q"],
      removeMembers: ["p"],
      addGroups: [],
      removeGroups: [],
      description: null,
    },
  ]);
});

test("an ACL that shall last longer, or shorter, is moved, and one that shall last for good is made anew", () => {
  const acl = (expiresAt: string | null): Access =>
    accessOf([
      {
        kind: "acl",
        on: { type: "project", key: "o" },
        holder: { kind: "user", key: "p" },
        grant: { permission: "read", only: null },
        expiresAt,
      },
    ]);
  const acts = (from: string | null, to: string | null) =>
    stepsBetween(acl(from), acl(to)).map((step) => step.do);
  expect(acts("2030-01-01T00:00:00.000Z", "2031-01-01T00:00:00.000Z")).toEqual(["add_acls"]);
  expect(acts(null, "2031-01-01T00:00:00.000Z")).toEqual(["add_acls"]);
  expect(acts("2030-01-01T00:00:00.000Z", null)).toEqual(["remove_acls", "add_acls"]);
});

test("more ACLs than one request may hold are written in several", () => {
  const many = accessOf(
    Array.from({ length: 2001 }, (_, index) => ({
      kind: "acl" as const,
      on: { type: "project" as const, key: String(index) },
      holder: { kind: "user" as const, key: "p" },
      grant: { permission: "read" as const, only: null },
      expiresAt: null,
    })),
  );
  const sizes = stepsBetween(new Map(), many).map((step) => ("acls" in step ? step.acls.length : 0));
  expect(sizes).toEqual([1000, 1000, 1]);
});
