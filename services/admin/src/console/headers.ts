// What browsers are told about everything that we send them, and about pages.

import { randomBytes } from "node:crypto";

type Headers = Readonly<Record<string, string>>;

/** With every answer. */
export function headersOfAnswers(publicUrl: string | undefined): Headers {
  return {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    ...(publicUrl?.startsWith("https:") === true && {
      "strict-transport-security": "max-age=31536000",
    }),
  };
}

const headersOfPages: Headers = {
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy":
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), " +
    "microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()",
};

/** With a page of the console, whose own styles bear the nonce. */
export function headersOfConsole(nonce: string): Headers {
  return {
    ...headersOfPages,
    "content-security-policy": policy({
      "script-src": "'self'",
      "style-src": `'self' 'nonce-${nonce}'`,
      "img-src": "'self' data:",
      "connect-src": "'self'",
      "font-src": "'self'",
      "manifest-src": "'self'",
      "form-action": "'self'",
    }),
  };
}

/** With a page that is nothing but text. */
export const headersOfText: Headers = {
  ...headersOfPages,
  "content-security-policy": policy({ "form-action": "'none'" }),
};

export function newNonce(): string {
  return randomBytes(16).toString("base64url");
}

/** What is not named comes from nowhere. */
function policy(sources: Readonly<Record<string, string>>): string {
  return Object.entries({
    "default-src": "'none'",
    ...sources,
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
  })
    .map(([directive, source]) => `${directive} ${source}`)
    .join("; ");
}
