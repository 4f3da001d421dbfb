import { readConfig } from "@portcullis/chassis/config";
import { expect, test } from "vitest";
import { config } from "./config.ts";

const least = {
  PORTCULLIS_LISTEN: "127.0.0.1:0",
  PORTCULLIS_SERVICE_CREDENTIAL: "s".repeat(32),
  PORTCULLIS_IDENTITY_ADDRESS: "127.0.0.1:1",
  PORTCULLIS_GROUPS_ADDRESS: "127.0.0.1:2",
  PORTCULLIS_GRANTS_ADDRESS: "127.0.0.1:3",
  PORTCULLIS_TOKENS_ADDRESS: "127.0.0.1:4",
  PORTCULLIS_DECISION_ADDRESS: "127.0.0.1:5",
  REDIS_URL: "redis://127.0.0.1",
};

const signOn = {
  ...least,
  PORTCULLIS_PUBLIC_URL: "https://access.example.com/",
  PORTCULLIS_OIDC_ISSUER: "https://id.example.com",
  PORTCULLIS_OIDC_CLIENT_ID: "portcullis",
  PORTCULLIS_OIDC_CLIENT_SECRET: "secret",
  PORTCULLIS_COOKIE_SECRET: "c".repeat(32),
};

test("single sign-on is set up as a whole, or not at all", () => {
  expect(readConfig(config, least).PORTCULLIS_OIDC_ISSUER).toBeUndefined();
  expect(readConfig(config, signOn)).toMatchObject({
    PORTCULLIS_PUBLIC_URL: "https://access.example.com",
    PORTCULLIS_OIDC_NAME: "single sign-on",
  });
  for (const key of [
    "PORTCULLIS_PUBLIC_URL",
    "PORTCULLIS_OIDC_CLIENT_ID",
    "PORTCULLIS_OIDC_CLIENT_SECRET",
    "PORTCULLIS_COOKIE_SECRET",
  ]) {
    expect(() => readConfig(config, { ...signOn, [key]: undefined })).toThrow(`${key}: is required`);
  }
});

test.each([
  ["PORTCULLIS_OIDC_ISSUER", "http://127.0.0.1:3000", "must be an https address"],
  ["PORTCULLIS_OIDC_ISSUER", "id.example.com", "must be an https address"],
  ["PORTCULLIS_COOKIE_SECRET", "c".repeat(31), "must have at least 32 characters"],
  ["PORTCULLIS_PUBLIC_URL", "http://access.example.com", "must be https for single sign-on"],
  ["PORTCULLIS_PUBLIC_URL", "https://example.com/access", "must have no path for the console"],
])("%s is refused as `%s`", (key, value, message) => {
  expect(() => readConfig(config, { ...signOn, [key]: value })).toThrow(`${key}: ${message}`);
});

test("on this very machine plain http will do, and a path where no console is", () => {
  const local = { ...signOn, PORTCULLIS_PUBLIC_URL: "http://127.0.0.1:8080" };
  expect(readConfig(config, local).PORTCULLIS_PUBLIC_URL).toBe("http://127.0.0.1:8080");
  const behindPath = { ...least, PORTCULLIS_PUBLIC_URL: "https://example.com/access" };
  expect(readConfig(config, behindPath).PORTCULLIS_PUBLIC_URL).toBe("https://example.com/access");
});
