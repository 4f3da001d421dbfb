import { describe, expect, test } from "vitest";
import { bodyDepthMax, parseJsonBody } from "./json-body.ts";

const parse = (text: string) => parseJsonBody(Buffer.from(text));
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("a body", () => {
  test("is JSON, or absent when empty", () => {
    expect(parse('{"a":[1,"x",null]}')).toEqual({ a: [1, "x", null] });
    expect(parse("")).toBeUndefined();
  });

  test("is nested to a bounded depth; brackets in strings do not count", () => {
    expect(() => parse(nested(bodyDepthMax))).not.toThrow();
    expect(() => parse(nested(bodyDepthMax + 1))).toThrow("body: is nested deeper than 64 levels");
    const brackets = JSON.stringify({ a: `\\"${"[{".repeat(1000)}` });
    expect(parse(brackets)).toEqual(JSON.parse(brackets));
  });

  test.each(["{", "nul", "{} {}", "\u0000"])("%j is none", (text) => {
    expect(() => parse(text)).toThrow("body: must be JSON");
  });

  test("names no prototype, at any depth", () => {
    expect(() => parse('{"a":{"__proto__":{}}}')).toThrow("body: must be JSON");
    expect(() => parse('{"\\u005f_proto__":{}}')).toThrow("body: must be JSON");
  });

  test("is UTF-8", () => {
    expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow("body: must be UTF-8");
  });
});
