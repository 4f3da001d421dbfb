import type { OrgId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newCredential, parseCredential } from "./credential.ts";

const org = "018f4e3a-7c52-7d10-9a44-0123456789ab" as OrgId;
const kinds = ["api_key", "service_token", "session"] as const;

test("what was made is recognised, with its kind, organisation and digest", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.uuid(),
      fc.uint8Array({ minLength: 24, maxLength: 24 }),
      (kind, id, random) => {
        const made = newCredential(kind, id as OrgId, Buffer.from(random));
        expect(parseCredential(made.secret)).toEqual({ kind, org: id, digest: made.digest });
      },
    ),
  );
});

test("two secrets of one organisation differ, and carry their prefix", () => {
  expect(newCredential("api_key", org).secret).not.toBe(newCredential("api_key", org).secret);
  expect(newCredential("api_key", org).secret).toMatch(/^sk-[0-9A-Za-z]{60}$/);
  expect(newCredential("service_token", org).secret).toMatch(/^bt-st-[0-9A-Za-z]{60}$/);
  expect(newCredential("session", org).secret).toMatch(/^ps-[0-9A-Za-z]{60}$/);
});

test("every single changed character is noticed", () => {
  const { secret } = newCredential("service_token", org);
  for (let index = 0; index < secret.length; index++) {
    for (const other of ["0", "z", "-"]) {
      if (secret[index] === other) continue;
      const changed = secret.slice(0, index) + other + secret.slice(index + 1);
      expect(parseCredential(changed), changed).toBeNull();
    }
  }
});

test("a key does not pass as a token of the other kind", () => {
  const { secret } = newCredential("api_key", org);
  expect(parseCredential(`bt-st-${secret.slice("sk-".length)}`)).toBeNull();
  expect(parseCredential(`ps-${secret.slice("sk-".length)}`)).toBeNull();
});

test("arbitrary text is no credential, and does no harm", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(parseCredential(text)).toBeNull();
      expect(parseCredential(`sk-${text}`)).toBeNull();
    }),
  );
  expect(parseCredential(`sk-${"z".repeat(60)}`)).toBeNull();
});

test("the preview shows no more than prefix and four characters", () => {
  const { secret, preview } = newCredential("api_key", org);
  expect(preview).toBe(`sk-…${secret.slice(-4)}`);
});
