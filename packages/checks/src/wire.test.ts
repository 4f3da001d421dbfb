import type { OrgId } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { describe, expect, test } from "vitest";
import { permissionFromWire, revisionFromText, targetAsItCame, whoFromWire } from "./wire.ts";

const id = "0190d8f2-3c4b-7d5e-8f60-a1b2c3d4e5f6";
const refusals: readonly (readonly [string, () => unknown])[] = [
  ["who", () => whoFromWire({ orgId: id, who: undefined })],
  ["org_id", () => whoFromWire({ orgId: "acme", who: { $case: "principalId", value: id } })],
  ["principal_id", () => whoFromWire({ orgId: id, who: { $case: "principalId", value: "olivia" } })],
  ["credential", () => whoFromWire({ orgId: "", who: { $case: "credential", value: "x".repeat(513) } })],
  ["permission", () => permissionFromWire("own")],
  ["what", () => targetAsItCame(undefined)],
  ["object.type", () => targetAsItCame(object({ type: "thing", id }))],
  ["place.parent", () => targetAsItCame(place({ type: "project", parent: undefined }))],
  ["place.type", () => targetAsItCame(place({ type: "thing", parent: { type: "project", id } }))],
  ["at_least_as_fresh", () => revisionFromText("r".repeat(4097), "at_least_as_fresh", id as OrgId)],
];

describe("a bad question is refused with the one field that is bad", () => {
  test.each(refusals)("%s", (field, read) => {
    expect(read).toThrow(expect.objectContaining({ kind: "invalid", field }));
  });
});

function object(value: { type: string; id: string }): CheckRequest["what"] {
  return { $case: "object", value };
}

function place(value: {
  type: string;
  parent: { type: string; id: string } | undefined;
}): CheckRequest["what"] {
  return { $case: "place", value };
}
