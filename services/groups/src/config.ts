import { peerAddress, processConfig } from "@portcullis/chassis/config";
import { redisUrl } from "@portcullis/chassis/redis";
import { tlsConfig } from "@portcullis/chassis/tls";
import { databaseConfig } from "@portcullis/store/config";
import { z } from "zod";

/** What groups reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  ...databaseConfig,
  /** Where the queues are: for decision's jobs, and for ours that tell of members who left. */
  REDIS_URL: redisUrl,
  /** Who says who is a member. */
  PORTCULLIS_IDENTITY_ADDRESS: peerAddress,
  /** Whose logs a change may come after, as it may after identity's. */
  PORTCULLIS_GRANTS_ADDRESS: peerAddress,
  PORTCULLIS_TOKENS_ADDRESS: peerAddress,
});

export type Config = z.infer<typeof config>;
