import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pathOf } from "./path.ts";

const read: Readonly<Record<string, string>> = {
  "/": "/",
  "/experiments": "/experiments",
  "/experiments/": "/experiments/",
  "/experiments?next=/../admin//%2e": "/experiments",
  "/Experiments/A.B~c_d-e": "/Experiments/A.B~c_d-e",
  "/users/a%40b.example": "/users/a@b.example",
  "/a%20b": "/a b",
  "/caf%C3%A9": "/café",
  "/...": "/...",
  "/.well-known/x": "/.well-known/x",
};

test.each(Object.entries(read))("%s is read as %s", (target, path) => {
  expect(pathOf(target)).toBe(path);
});

describe("a path that can be read in more than one way is none", () => {
  const refused: Readonly<Record<string, readonly string[]>> = {
    "no path": ["", "*", "experiments", "http://host/x", "?x", "\\x"],
    "empty segments": ["//", "//admin", "/a//b", "/a//", "///host/x"],
    "dot segments": ["/.", "/..", "/a/../b", "/a/./b", "/a/..", "/a/.?x"],
    "encoded dots": ["/%2e%2e/admin", "/a/%2E%2e/b", "/a/.%2e", "/%2e"],
    "encoded slashes": ["/a%2fb", "/a%2Fb", "/..%2fadmin"],
    backslashes: ["/a\\b", "/..\\admin", "/a%5cb", "/a%5Cb"],
    "encoded twice": ["/a%252fb", "/%2561dmin", "/%25"],
    "letters that are encoded": ["/%61dmin", "/adm%49n", "/%7euser", "/a%2Db", "/%30"],
    "half an escape": ["/a%", "/a%2", "/a%zz", "/%u0041"],
    parameters: ["/a;b", "/admin;x=1/y", "/..;/admin", "/a%3Bb"],
    "a fragment, or a query that is hidden": ["/a#b", "/a?b#c", "/a%23b", "/a%3Fb"],
    "control characters": ["/a\0b", "/a%00", "/a%0d%0ab", "/a%0A", "/a\tb", "/a%7f", "/a%C2%85"],
    "what is no UTF-8": ["/a%ff", "/a%c0%af", "/a%e0%80%af", "/a%ed%a0%80", "/a!b", "/a\u{fffd}b"],
    "raw characters that belong encoded": [
      "/a b",
      "/a\u{e9}",
      '/a"b',
      "/a<b",
      "/a{b}",
      "/a|b",
      "/a^b",
      "/a`b",
    ],
    "what can't be seen, or looks like something else": [
      "/a%E2%80%8Bb",
      "/a%E2%80%AEb",
      "/a%EF%BC%8Fb",
      "/%E2%84%AA",
      "/a%EF%BB%BF",
    ],
    "what is too long": [`/${"a".repeat(4096)}`],
  };
  test.each(Object.entries(refused))("%s", (_what, targets) => {
    for (const target of targets) expect({ target, path: pathOf(target) }).toEqual({ target, path: null });
  });

  test("4,096 characters are not too long", () => {
    expect(pathOf(`/${"a".repeat(4095)}?${"x".repeat(10_000)}`)).toHaveLength(4096);
  });
});

test("whatever is read has as many segments as were sent, none of which leads elsewhere", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2F",
      "%5c",
      "\\",
      ";",
      "%00",
      "%25",
      "?",
      "#",
      "a",
      "%C3%A9",
      "%20",
    ),
    fc.string({ unit: "binary", maxLength: 3 }),
  );
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);
  fc.assert(
    fc.property(target, (target) => {
      const path = pathOf(target);
      if (path === null) return;
      const segments = path.split("/");
      expect(segments).toHaveLength(target.split("?", 1)[0]?.split("/").length ?? 0);
      expect(segments.slice(1, -1)).not.toContain("");
      expect(segments.some((segment) => segment === "." || segment === "..")).toBe(false);
      expect(path).not.toMatch(/[\\%;?#\p{C}]/u);
      // Who takes it apart as a URL, and who decodes it once more, finds the same.
      expect(decodeURIComponent(new URL(target, "http://host").pathname)).toBe(path);
      expect(decodeURIComponent(path)).toBe(path);
    }),
    { numRuns: 2000 },
  );
});
