import { address, processConfig } from "@portcullis/chassis/config";
import { z } from "zod";

const list = z
  .string()
  .default("")
  .transform((text) => text.split(",").map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ""));

const perMinute = z.coerce.number().int().positive();

/** What admin reads from its environment. */
export const config = z.object({
  ...processConfig,
  /** The four owners, and who decides. */
  PORTCULLIS_IDENTITY_ADDRESS: address,
  PORTCULLIS_GROUPS_ADDRESS: address,
  PORTCULLIS_GRANTS_ADDRESS: address,
  PORTCULLIS_TOKENS_ADDRESS: address,
  PORTCULLIS_DECISION_ADDRESS: address,
  /** Counts requests for all processes of the facade together. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }),
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
});

export type Config = z.infer<typeof config>;
