import { BatchCheckRequest } from "@portcullis/proto/decision/v1/decision";
import { expect, test } from "vitest";
import type { Question, Who } from "./question.ts";
import { checkToWire } from "./wire.ts";

const orgId = "0190a000-0000-7000-8000-000000000001";
/** How long a message may be that a server of grpc takes. */
const messageMax = 4 * 1024 * 1024;

const good = { who: { principal: "p" }, permission: "read", object: { type: "experiment", id: "e" } };
const bad: readonly (readonly [field: string, question: unknown])[] = [
  ["question", null],
  ["who", { ...good, who: undefined }],
  ["who", { ...good, who: "sk-1" }],
  ["principal_id", { ...good, who: { principal: 7 } }],
  ["principal_id", { ...good, who: { principal: "x".repeat(513) } }],
  ["credential", { ...good, who: {} }],
  ["credential", { ...good, who: { credential: "é".repeat(257) } }],
  ["permission", { ...good, permission: ["read"] }],
  ["object", { ...good, object: null }],
  ["object.type", { ...good, object: { id: "e" } }],
  ["object.id", { ...good, object: { type: "experiment", id: 5n } }],
  ["place.type", { ...good, object: { under: good.object } }],
  ["place.parent", { ...good, object: { type: "experiment", under: null } }],
  ["place.parent.id", { ...good, object: { type: "experiment", under: { type: "project" } } }],
];

test.each(bad)("what can't be sent is refused by the field that is wrong: %s", (field, question) => {
  expect(() => checkToWire(question as Question, orgId)).toThrow(
    expect.objectContaining({ name: "Fault", kind: "invalid", field }),
  );
});

test("a thousand questions fit into one message, whatever stands in them", () => {
  const longest = "\u{20ac}".repeat(170);
  const asks: readonly Who[] = [{ principal: longest }, { credential: longest }];
  for (const who of asks) {
    const object = { type: longest, under: { type: longest, id: longest } };
    const check = checkToWire({ who, permission: longest, object }, orgId);
    const checks = Array.from({ length: 1000 }, () => check);
    const { length } = BatchCheckRequest.encode({ orgId, checks, consistency: undefined }).finish();
    // A revision goes with them.
    expect(length + 5000).toBeLessThan(messageMax);
  }
});
