import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newCredential } from "@portcullis/credential";
import type { OrgId } from "@portcullis/policy";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountFile, forgetAccount, keepAccount, readAccount, readAdminUrl, readKey } from "./account.ts";

const { secret: key } = newCredential("api_key", "0d3f0000-0000-4000-8000-00000000ace0" as OrgId);
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "portcullis-account-"));
});
afterAll(() => rm(home, { recursive: true }));

test.each(["http://admin.example", "ftp://localhost", "nonsense", "https://u:p@x", "https://x/?key=1"])(
  "a key is not sent to %s",
  (url) => {
    expect(() => readAdminUrl(url, "--url")).toThrow(/^--url: must/);
  },
);

test.each([
  ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
  ["http://localhost:8080", "http://localhost:8080"],
  ["https://access.example.com/portcullis/", "https://access.example.com/portcullis"],
])("%s is where a key may be sent", (url, read) => {
  expect(readAdminUrl(url, "--url")).toBe(read);
});

test("what can be no key is refused without being repeated", () => {
  for (const wrong of [`${key.slice(0, -1)}!`, "sk-short", `${key}\nx: y`, ""]) {
    expect(() => readKey(wrong, "API key")).toThrow(
      "API key: is no API key or service token: it begins with sk- or bt-st-, and has a checksum",
    );
  }
  expect(readKey(`${key}\n`, "API key")).toBe(key);
});

test("a key is kept for oneself alone, found again, and forgotten", async () => {
  const environment = { XDG_CONFIG_HOME: home };
  const adminUrl = "https://access.example.com";
  await expect(readAccount(environment)).rejects.toThrow("nobody is logged in");
  const path = await keepAccount(environment, { adminUrl, key });
  expect(path).toBe(accountFile(environment));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toContain(key);
  expect(await readAccount(environment)).toEqual({ adminUrl, key, from: path });
  expect(await forgetAccount(environment)).toBe(true);
  expect(await forgetAccount(environment)).toBe(false);
});

test("a kept key is not shown to another place than it was made for", async () => {
  const environment = { XDG_CONFIG_HOME: home };
  await keepAccount(environment, { adminUrl: "https://access.example.com", key });
  const elsewhere = { ...environment, PORTCULLIS_ADMIN_URL: "https://elsewhere.example" };
  await expect(readAccount(elsewhere)).rejects.toThrow(
    "PORTCULLIS_ADMIN_URL: is not where you are logged in",
  );
  expect(await readAccount({ ...elsewhere, PORTCULLIS_API_KEY: key })).toMatchObject({
    adminUrl: "https://elsewhere.example",
    from: "PORTCULLIS_API_KEY",
  });
});
