import { address, milliseconds, peerAddress, processConfig } from "@portcullis/chassis/config";
import { redisUrl } from "@portcullis/chassis/redis";
import { tlsConfig } from "@portcullis/chassis/tls";
import { decisionLogConfig } from "@portcullis/checks/config";
import { z } from "zod";

/** What decision reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  ...decisionLogConfig,
  /** The decision cache, and the queue on which owners say that their logs have grown. */
  REDIS_URL: redisUrl,
  PORTCULLIS_IDENTITY_ADDRESS: peerAddress,
  PORTCULLIS_GROUPS_ADDRESS: peerAddress,
  PORTCULLIS_GRANTS_ADDRESS: peerAddress,
  PORTCULLIS_TOKENS_ADDRESS: peerAddress,
  /** No decision uses a fact that its owner did not confirm within this time. */
  PORTCULLIS_MAX_STALENESS_MS: milliseconds.default(2000),
  /** Where the AuthZEN API is served over HTTP; unset: nowhere. Beside it the URL by which callers reach it. */
  PORTCULLIS_HTTP_LISTEN: address.optional(),
  PORTCULLIS_HTTP_PUBLIC_URL: z.url().optional(),
  /** Which requests need what, where Envoy asks (its external authorization, on the same port or socket); unset: it can't. */
  PORTCULLIS_ENVOY_MAPPING_FILE: z.string().optional(),
  /** How many ids the facts in the memory of this process may hold in all; about 200 bytes each. */
  PORTCULLIS_MEMORY_IDS: z.coerce.number().int().min(1).default(1_000_000),
});

export type Config = z.infer<typeof config>;
