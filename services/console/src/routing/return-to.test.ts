import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { consolePath } from "./return-to.ts";

beforeEach(() => vi.stubGlobal("location", new URL("https://access.example.com/console/sign-in")));
afterEach(() => vi.unstubAllGlobals());

test.each([
  [undefined, "/console/"],
  ["/settings/groups?q=a", "/console/settings/groups?q=a"],
  ["/console/settings/groups?q=a#b", "/console/settings/groups?q=a#b"],
  ["//elsewhere.example/console/", "/console/"],
  ["/\\elsewhere.example", "/console/"],
  ["https://elsewhere.example/console/", "/console/"],
  ["javascript:alert(1)", "/console/"],
])("after signing in %j leads to %s", (wanted, path) => {
  expect(consolePath(wanted)).toBe(path);
});
