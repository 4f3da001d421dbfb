import { address, processConfig } from "@portcullis/chassis/config";
import { tlsConfig } from "@portcullis/chassis/tls";
import { z } from "zod";

/** What identity reads from its environment. */
export const config = z.object({
  ...processConfig,
  ...tlsConfig,
  /** identity's own Postgres database; its tables are made and migrated at start. */
  DATABASE_URL: z.url(),
  /** Where the queues are, whose jobs tell decision and the other owners of changes. */
  REDIS_URL: z.url(),
  /** Who says whether an organisation keeps an Owner when members leave, and what former members still have. */
  PORTCULLIS_GROUPS_ADDRESS: address,
  /** Who says what former members still have been granted. */
  PORTCULLIS_GRANTS_ADDRESS: address,
  /** Who says which credentials former members still have. */
  PORTCULLIS_TOKENS_ADDRESS: address,
});

export type Config = z.infer<typeof config>;
