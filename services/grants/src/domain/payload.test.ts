import { expect, test } from "vitest";
import { merged, payloadBytesMax, payloadOf } from "./payload.ts";

test("a payload reads back as it was written", () => {
  const json = { a: [1, "x", null, { b: true }], ключ: "\u{1f600}" };
  expect(payloadOf(json, "p")).toEqual(json);
  expect(Object.is(payloadOf({ a: -0 }, "p")["a"], 0)).toBe(true);
});

test.each([
  ["NUL in a text", { a: ["\u0000"] }],
  ["NUL in a key", { a: { "\u0000": 1 } }],
  ["half a character", { a: "\ud83d" }],
  ["a number that is none", { a: [Number.POSITIVE_INFINITY] }],
  ["deep nesting", { a: nested(65) }],
])("%s is refused", (_, json) => {
  expect(() => payloadOf(json, "payload_json")).toThrow(/^payload_json: /);
});

test("nesting up to the limit is allowed, and far beyond it is refused without exhausting the stack", () => {
  expect(() => payloadOf({ a: nested(63) }, "p")).not.toThrow();
  expect(() => payloadOf({ a: nested(200_000) }, "p")).toThrow(/nested/);
});

test("objects are merged key by key, everything else is replaced, and nothing is removed", () => {
  expect(
    merged(
      { a: { b: 1, c: [1, 2] }, d: 1, e: { f: 1 } },
      { a: { c: [3], g: null }, d: { h: 1 }, e: [] },
      "p",
    ),
  ).toEqual({ a: { b: 1, c: [3], g: null }, d: { h: 1 }, e: [] });
});

test("a key that is called like a prototype is a key like others", () => {
  const change = JSON.parse(
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  ) as object;
  const result = merged({}, change as Record<string, unknown>, "p");
  expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  expect(Object.hasOwn(result, "__proto__")).toBe(true);
  expect("polluted" in {}).toBe(false);
});

test("a merge may not grow the payload beyond its limit", () => {
  const half = "x".repeat(payloadBytesMax / 2);
  expect(() => merged({ a: half }, { b: half }, "payload_json")).toThrow(/^payload_json: /);
  expect(() => merged({ a: half }, { a: half }, "payload_json")).not.toThrow();
});

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}
