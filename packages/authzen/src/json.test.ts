import { expect, test } from "vitest";
import { parseJson } from "./json.ts";

const refused: Readonly<Record<string, string>> = {
  "": "must be JSON",
  "{": "must be JSON",
  "{'a': 1}": "must be JSON",
  '{"a": 1, /* b */ "c": 2}': "must be JSON",
  '{"a": 1, "a": 2}': 'has the key "a" twice in one object',
  '{"a": 1, "\\u0061": 2}': 'has the key "a" twice in one object',
  '{"x": {"id": "1", "id": "2"}}': 'has the key "id" twice in one object',
  '{"a": "\\ud800"}': "has a string that is no text",
  '{"\\udc00": 1}': "has a key that is no text",
  '{"__proto__": {"id": "1"}}': "has a key that is no text",
  [`${"[".repeat(33)}${"]".repeat(33)}`]: "is nested deeper than 32 levels",
  [`${'{"a":'.repeat(33)}1${"}".repeat(33)}`]: "is nested deeper than 32 levels",
};

test.each(Object.entries(refused))("%s is refused", (text, reason) => {
  expect(() => parseJson(Buffer.from(text))).toThrow(`body: ${reason}`);
});

test("however deep it is nested, it is refused, and the stack holds", () => {
  const depth = 400_000;
  const text = `${"[".repeat(depth)}${"]".repeat(depth)}`;
  expect(() => parseJson(Buffer.from(text))).toThrow("body: is nested deeper than 32 levels");
});

test("bytes that are no UTF-8 are refused", () => {
  expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow("body: must be JSON");
});

test("the same key in two objects is fine", () => {
  const text = '{"a": {"id": "1"}, "b": [{"id": "2"}, {"id": "3"}], "c": "\\ud83d\\ude00"}';
  expect(parseJson(Buffer.from(text))).toEqual({ a: { id: "1" }, b: [{ id: "2" }, { id: "3" }], c: "😀" });
});
