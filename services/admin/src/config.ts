import { peerAddress, processConfig } from "@portcullis/chassis/config";
import { redisUrl } from "@portcullis/chassis/redis";
import { tlsConfig } from "@portcullis/chassis/tls";
import { z } from "zod";
import { isLoopback, originOfUrl } from "./origin.ts";

const list = z
  .string()
  .default("")
  .transform((text) => text.split(",").map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ""));

const perMinute = z.coerce.number().int().positive();

/** What single sign-on takes; all of it or nothing. */
const signOnKeys = [
  "PORTCULLIS_OIDC_ISSUER",
  "PORTCULLIS_OIDC_CLIENT_ID",
  "PORTCULLIS_OIDC_CLIENT_SECRET",
  "PORTCULLIS_COOKIE_SECRET",
  "PORTCULLIS_PUBLIC_URL",
] as const;

/** Every setting by itself, for who needs some of them. */
export const settings = z.object({
  ...processConfig,
  ...tlsConfig,
  /** `behind-proxy`: somebody who stands before us, and protects connections, may reach us over plain HTTP. */
  PORTCULLIS_PLAIN_HTTP: z.literal("behind-proxy").optional(),
  /** The four owners, and who decides. */
  PORTCULLIS_IDENTITY_ADDRESS: peerAddress,
  PORTCULLIS_GROUPS_ADDRESS: peerAddress,
  PORTCULLIS_GRANTS_ADDRESS: peerAddress,
  PORTCULLIS_TOKENS_ADDRESS: peerAddress,
  PORTCULLIS_DECISION_ADDRESS: peerAddress,
  /** Counts requests for all processes of the facade together. */
  REDIS_URL: redisUrl,
  /** How many requests a minute one credential, and one address, may make. */
  PORTCULLIS_RATE_LIMIT_CREDENTIAL: perMinute.default(12_000),
  PORTCULLIS_RATE_LIMIT_ADDRESS: perMinute.default(60_000),
  /** Who stands before us and may say whose request it hands on: addresses and ranges, separated by commas. */
  PORTCULLIS_TRUSTED_PROXIES: list.pipe(
    z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], "must be addresses or ranges")),
  ),
  /** Whose pages may call us from a browser: origins, separated by commas. Without it none may. */
  PORTCULLIS_CORS_ORIGINS: list,
  /** Where callers reach the facade, as `https://access.example.com`. Without it: where each says that it did. */
  PORTCULLIS_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional(),
  /** Where the console was built. Without it none is served. */
  PORTCULLIS_CONSOLE_FOLDER: z.string().optional(),
  /** The identity provider that people may sign in at, by OpenID Connect: its issuer, who we are to it, what people call it. */
  PORTCULLIS_OIDC_ISSUER: z.url({ protocol: /^https$/, error: "must be an https address" }).optional(),
  PORTCULLIS_OIDC_CLIENT_ID: z.string().optional(),
  PORTCULLIS_OIDC_CLIENT_SECRET: z.string().optional(),
  PORTCULLIS_OIDC_NAME: z.string().max(100).default("single sign-on"),
  /** With it is sealed what browsers keep while somebody signs in; the same for all processes of the facade. */
  PORTCULLIS_COOKIE_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
});

/** What admin reads from its environment. */
export const config = settings.superRefine((given, context) => {
  const complain = (key: keyof typeof given, message: string): void =>
    context.addIssue({ code: "custom", path: [key], message });
  const url = given.PORTCULLIS_PUBLIC_URL;
  if (given.PORTCULLIS_OIDC_ISSUER !== undefined) {
    for (const key of signOnKeys) if (given[key] === undefined) complain(key, "is required");
    if (url?.startsWith("http:") === true && !isLoopback(url)) {
      complain("PORTCULLIS_PUBLIC_URL", "must be https for single sign-on");
    }
  }
  const hasPages =
    given.PORTCULLIS_CONSOLE_FOLDER !== undefined || given.PORTCULLIS_OIDC_ISSUER !== undefined;
  if (hasPages && url !== undefined && originOfUrl(url) !== url) {
    complain("PORTCULLIS_PUBLIC_URL", "must have no path for the console");
  }
});

export type Config = z.infer<typeof config>;
