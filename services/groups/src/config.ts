import { address, processConfig } from "@portcullis/chassis/config";
import { tlsConfig } from "@portcullis/chassis/tls";
import { z } from "zod";

/** What groups reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  /** groups' own Postgres database; its tables are made and migrated at start. */
  DATABASE_URL: z.url(),
  /** Where the queues are: for decision's jobs, and for ours that tell of members who left. */
  REDIS_URL: z.url(),
  /** Who says who is a member. */
  PORTCULLIS_IDENTITY_ADDRESS: address,
  /** Whose logs a change may come after, as it may after identity's. */
  PORTCULLIS_GRANTS_ADDRESS: address,
  PORTCULLIS_TOKENS_ADDRESS: address,
});

export type Config = z.infer<typeof config>;
