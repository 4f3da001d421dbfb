import { expect, test } from "vitest";
import { cookieOf, keepsCookies } from "./cookies.ts";

test.each([
  ["https://access.example.com", true],
  ["http://localhost:8080", true],
  ["http://console.localhost:8080", true],
  ["http://127.0.0.1:8080", true],
  ["http://127.12.0.9", true],
  ["http://[::1]:8080", true],
  ["http://access.example.com", false],
  ["http://localhost.example.com", false],
  ["http://127.0.0.1.example.com", false],
  ["http://10.0.0.1", false],
  ["http://", false],
  ["", false],
])("a browser at `%s` keeps cookies that nobody on the way can read: %s", (origin, keeps) => {
  expect(keepsCookies(origin)).toBe(keeps);
});

test("a cookie counts only under the name that fits how the browser reached us", () => {
  const cookies = { "__Host-portcullis-session": "secure", "portcullis-session": "plain" };
  expect(cookieOf({ cookies }, "session", "https://access.example.com")).toBe("secure");
  expect(cookieOf({ cookies }, "session", "http://localhost:8080")).toBe("plain");
  expect(
    cookieOf({ cookies: { "portcullis-session": "planted" } }, "session", "https://access.example.com"),
  ).toBeUndefined();
});
