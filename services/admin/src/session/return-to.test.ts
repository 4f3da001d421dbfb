import { expect, test } from "vitest";
import { returnTo } from "./return-to.ts";

test.each([
  "/console/",
  "/console/settings/members",
  "/console/projects/1?tab=permissions&q=a%20b",
  "/console/groups#graph",
])("`%s` is a place to return to", (path) => {
  expect(returnTo.parse(path)).toBe(path);
});

test.each([
  "",
  "/",
  "/console",
  "/consoles/",
  "/v1/access/session/sso",
  "/console/../v1/group",
  "/console/%2e%2e/v1/group",
  "/console/./",
  "/console\\..\\x",
  "//evil.example/console/",
  "/\\evil.example/console/",
  "\\/evil.example/console/",
  "///evil.example/console/",
  "https://evil.example/console/",
  "http://console.invalid/console/",
  "javascript:alert(1)",
  " /console/",
  "/console/ ",
  "/console/\tx",
  "/console/\r\nset-cookie: a=b",
  "/console/ä",
  `/console/${"x".repeat(1000)}`,
])("`%s` is none", (path) => {
  expect(returnTo.safeParse(path).success).toBe(false);
});

test("without one it is the console's first page", () => {
  expect(returnTo.parse(undefined)).toBe("/console/");
});
