import { Fault } from "@portcullis/chassis/fault";
import type { Access, FactKey, ObjectId, OrgId } from "@portcullis/policy";
import { Event, type FactKey as FactKeyMessage } from "@portcullis/proto/events/v1/events";
import { Fact as FactMessage } from "@portcullis/proto/facts/v1/facts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Dependency,
  dependencyToWire,
  factFromWire,
  factKeyFromWire,
  factKeyToWire,
  factToWire,
  logEntryFromWire,
  revisionFromWire,
} from "../src/wire.ts";
import { facts } from "./facts-arbitrary.ts";

const org = "0190a000-0000-7000-8000-000000000001";
const id = "0190a000-0000-7000-8000-000000000002";
const objectKey: FactKey = {
  kind: "access",
  org: org as OrgId,
  object: { type: "project", id: id as ObjectId },
};

test("every fact survives the wire", () => {
  fc.assert(
    fc.property(facts, (fact) => {
      const sent = FactMessage.encode(factToWire(fact.key, fact.lo, fact.hi, fact.value)).finish();
      expect(factFromWire(FactMessage.decode(sent))).toEqual(fact);
    }),
    { numRuns: 500 },
  );
});

describe("a key that names no fact is refused by the field's name", () => {
  const cases: readonly [what: string, FactKeyMessage, field: string][] = [
    ["no organisation", { orgId: "", kind: { $case: "member", value: id } }, "keys[3].org_id"],
    ["no kind", { orgId: org, kind: undefined }, "keys[3]"],
    ["no UUID", { orgId: org, kind: { $case: "member", value: "alice" } }, "keys[3].member"],
    [
      "upper case",
      { orgId: org, kind: { $case: "memberships", value: id.toUpperCase() } },
      "keys[3].memberships",
    ],
    [
      "no object type",
      { orgId: org, kind: { $case: "access", value: { type: "", id } } },
      "keys[3].access.type",
    ],
    [
      "an unknown object type",
      { orgId: org, kind: { $case: "access", value: { type: "toString", id } } },
      "keys[3].access.type",
    ],
    [
      "no object id",
      { orgId: org, kind: { $case: "access", value: { type: "project", id: "" } } },
      "keys[3].access.id",
    ],
    ["a short digest", { orgId: org, kind: { $case: "credential", value: "ab" } }, "keys[3].credential"],
  ];
  test.each(cases)("%s", (_what, message, field) => {
    expect(() => factKeyFromWire(message, "keys[3]")).toThrow(
      expect.objectContaining({ kind: "invalid", field, message: expect.stringContaining(`${field}: `) }),
    );
    expect(() => factKeyFromWire(message, "keys[3]")).toThrow(Fault);
  });
});

describe("what is not understood grants nothing", () => {
  const acl = { id, restrictObjectType: "", expiresAt: undefined };
  const subject = { $case: "principalId", value: id } as const;
  const read = { $case: "permission", value: "read" } as const;
  const withAcl = (message: Partial<NonNullable<ReturnType<typeof accessOf>>["acls"][number]>) =>
    readAccess({ acls: [{ ...acl, subject, grant: read, ...message }] });

  test("an ACL that is understood is kept", () => {
    expect(withAcl({})?.acls).toHaveLength(1);
  });
  test.each([
    ["an unknown permission", { grant: { $case: "permission", value: "fly" } as const }],
    ["no grant", { grant: undefined }],
    ["no subject", { subject: undefined }],
    ["an unknown restriction", { restrictObjectType: "spaceship" }],
    ["a restricted role", { grant: { $case: "roleId", value: id } as const, restrictObjectType: "project" }],
  ])("an ACL with %s is left out", (_what, message) => {
    expect(withAcl(message)?.acls).toEqual([]);
  });
  test("an object below an unknown type is absent", () => {
    expect(readAccess({ parent: { type: "galaxy", id } })).toBeNull();
  });
  test("an unknown kind of principal is no member", () => {
    const key: FactKeyMessage = { orgId: org, kind: { $case: "member", value: id } };
    const value = { $case: "member", value: { kind: "robot" } } as const;
    expect(factFromWire({ key, lo: 0, hi: 1, value }).value).toBeNull();
  });
  test("a value of another kind than the key's is an error", () => {
    const value: FactMessage["value"] = { $case: "memberships", value: { groupIds: [] } };
    expect(() => factFromWire({ key: factKeyToWire(objectKey), lo: 0, hi: 1, value })).toThrow(/kind access/);
  });
  test("a list of groups that is missing is an error, not an empty one", () => {
    const key: FactKeyMessage = { orgId: org, kind: { $case: "groups", value: {} } };
    expect(() => factFromWire({ key, lo: 0, hi: 1, value: undefined })).toThrow(/without a value/);
  });

  function accessOf(fact: FactMessage) {
    return fact.value?.$case === "access" ? fact.value.value : undefined;
  }
  function readAccess(message: Partial<NonNullable<ReturnType<typeof accessOf>>>): Access | null {
    const whole = {
      parent: undefined,
      alsoUnder: [],
      publicRead: false,
      acls: [],
      aclsApart: false,
      ...message,
    };
    const value: FactMessage["value"] = { $case: "access", value: whole };
    return factFromWire({ key: factKeyToWire(objectKey), lo: 0, hi: 1, value }).value as Access | null;
  }
});

describe("what an event touches", () => {
  const event = Event.decode(new Uint8Array());
  test("is what it names", () => {
    const entry = logEntryFromWire({
      ...event,
      position: 7,
      touches: [factKeyToWire(objectKey)],
      touchedKinds: ["groups"],
    });
    expect(entry).toEqual({ position: 7, touches: [objectKey], kinds: ["groups"], dependsOn: [] });
  });
  test("is everything if it names a fact that is not known here", () => {
    const touches = [factKeyToWire(objectKey), { orgId: org, kind: undefined }];
    expect(logEntryFromWire({ ...event, position: 7, touches })).toEqual({
      position: 7,
      touches: [],
      kinds: ["*"],
      dependsOn: [],
    });
  });
});

test("what an event comes after is what it names; owners that are not known here are passed over", () => {
  const dependencies: readonly Dependency[] = [
    { owner: "groups", place: { incarnation: "first", position: 3 } },
    { owner: "tokens", place: null },
  ];
  const dependsOn = [
    ...dependencies.map(dependencyToWire),
    { owner: "weather", incarnation: "", position: 0 },
  ];
  expect(logEntryFromWire({ ...Event.decode(new Uint8Array()), dependsOn }).dependsOn).toEqual(dependencies);
});

test("a revision of an unknown owner is an error", () => {
  expect(() => revisionFromWire({ orgId: org, owner: "weather", position: 1, incarnation: "i" })).toThrow(
    /weather/,
  );
});
