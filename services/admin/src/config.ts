import { address, processConfig } from "@portcullis/chassis/config";
import { z } from "zod";

/** What admin reads from its environment. */
export const config = z.object({
  ...processConfig,
  /** The four owners, and who decides. */
  PORTCULLIS_IDENTITY_ADDRESS: address,
  PORTCULLIS_GROUPS_ADDRESS: address,
  PORTCULLIS_GRANTS_ADDRESS: address,
  PORTCULLIS_TOKENS_ADDRESS: address,
  PORTCULLIS_DECISION_ADDRESS: address,
  /** Whose pages may call us from a browser: origins, separated by commas. Without it none may. */
  PORTCULLIS_CORS_ORIGINS: z
    .string()
    .default("")
    .transform((text) => text.split(",").map((origin) => origin.trim()))
    .transform((origins) => origins.filter((origin) => origin !== "")),
  /** Where callers reach the facade, as `https://access.example.com`. Without it: where each says that it did. */
  PORTCULLIS_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional(),
});

export type Config = z.infer<typeof config>;
