import { peerAddress, processConfig } from "@portcullis/chassis/config";
import { redisUrl } from "@portcullis/chassis/redis";
import { tlsConfig } from "@portcullis/chassis/tls";
import { databaseConfig } from "@portcullis/store/config";
import { z } from "zod";

/** What grants reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  ...databaseConfig,
  /** Where the queue is, whose jobs tell decision of changes. */
  REDIS_URL: redisUrl,
  /** Who says whether a principal is a member. */
  PORTCULLIS_IDENTITY_ADDRESS: peerAddress,
  /** Who says which groups live. */
  PORTCULLIS_GROUPS_ADDRESS: peerAddress,
  /** Whose log a change may come after, as it may after the others'. */
  PORTCULLIS_TOKENS_ADDRESS: peerAddress,
});

export type Config = z.infer<typeof config>;
