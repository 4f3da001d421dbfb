import { peerAddress, processConfig } from "@portcullis/chassis/config";
import { redisUrl } from "@portcullis/chassis/redis";
import { tlsConfig } from "@portcullis/chassis/tls";
import { databaseConfig } from "@portcullis/store/config";
import { z } from "zod";

/** What identity reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  ...databaseConfig,
  /** Where the queues are, whose jobs tell decision and the other owners of changes. */
  REDIS_URL: redisUrl,
  /** Who says whether an organisation keeps an Owner when members leave, and what former members still have. */
  PORTCULLIS_GROUPS_ADDRESS: peerAddress,
  /** Who says what former members still have been granted. */
  PORTCULLIS_GRANTS_ADDRESS: peerAddress,
  /** Who says which credentials former members still have. */
  PORTCULLIS_TOKENS_ADDRESS: peerAddress,
});

export type Config = z.infer<typeof config>;
