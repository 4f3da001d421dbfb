import type { FactKey, ObjectId, OrgId, PrincipalId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { Places } from "../src/places.ts";

const org = "acme" as OrgId;
const principal = "one" as PrincipalId;
const project = { type: "project", id: "one" as ObjectId } as const;
const dataset = { type: "dataset", id: "one" as ObjectId } as const;

/** What is found under one id in each way. */
function found(places: Places<string>): readonly (string | undefined)[] {
  return [
    places.member(principal),
    places.memberships(principal),
    places.groups(),
    places.roles(),
    places.access(project),
    places.parents(project),
    places.get({ kind: "acls", org, object: project }),
    places.access(dataset),
    places.parents(dataset),
  ];
}

test("a thing is found where it was put, and nowhere else", () => {
  const keys: readonly FactKey[] = [
    { kind: "member", org, principal },
    { kind: "memberships", org, principal },
    { kind: "groups", org },
    { kind: "roles", org },
    { kind: "access", org, object: project },
    { kind: "parents", org, object: project },
    { kind: "acls", org, object: project },
  ];
  const none = found(new Places());
  expect(none).toEqual(none.map(() => undefined));
  for (const [index, key] of keys.entries()) {
    const places = new Places<string>();
    places.put(key, "it");
    expect(found(places)).toEqual(none.map((_, at) => (at === index ? "it" : undefined)));
  }
});
