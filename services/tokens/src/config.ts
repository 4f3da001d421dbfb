import { address, processConfig } from "@portcullis/chassis/config";
import { tlsConfig } from "@portcullis/chassis/tls";
import { z } from "zod";

/** What tokens reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  /** tokens' own Postgres database; its tables are made and migrated at start. */
  DATABASE_URL: z.url(),
  /** Where the queue is, whose jobs tell decision of changes. */
  REDIS_URL: z.url(),
  /** Who says whether a principal is a member. */
  PORTCULLIS_IDENTITY_ADDRESS: address,
  /** Whose logs a change may come after, as it may after identity's. */
  PORTCULLIS_GROUPS_ADDRESS: address,
  PORTCULLIS_GRANTS_ADDRESS: address,
});

export type Config = z.infer<typeof config>;
