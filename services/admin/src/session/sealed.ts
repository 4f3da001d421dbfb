// What we let a browser keep for us for some minutes: it can neither read it nor make one.

import { hkdfSync } from "node:crypto";
import { EncryptJWT, errors, jwtDecrypt } from "jose";
import type { z } from "zod";

/** Seals values of one shape for one purpose: what was sealed for another is none of these. */
export interface Sealing<Value> {
  readonly seal: (value: Value, seconds: number) => Promise<string>;
  /** Null for what we did not seal, what was changed since, and what is too old. */
  readonly open: (sealed: string) => Promise<Value | null>;
}

export function sealing<Value extends object>(
  secret: string,
  purpose: string,
  shape: z.ZodType<Value>,
): Sealing<Value> {
  const key = new Uint8Array(hkdfSync("sha256", secret, "", `portcullis ${purpose}`, 32));
  return {
    seal: (value, seconds) =>
      new EncryptJWT({ value })
        .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
        .setExpirationTime(new Date(Date.now() + seconds * 1000))
        .encrypt(key),
    async open(sealed) {
      try {
        const { payload } = await jwtDecrypt(sealed, key, {
          keyManagementAlgorithms: ["dir"],
          contentEncryptionAlgorithms: ["A256GCM"],
          requiredClaims: ["exp"],
        });
        return shape.safeParse(payload["value"]).data ?? null;
      } catch (thrown) {
        if (thrown instanceof errors.JOSEError) return null;
        throw thrown;
      }
    },
  };
}
