import { z } from "zod";

/** Where each owner's database is. */
export const databases = {
  PORTCULLIS_IDENTITY_DATABASE_URL: z.url(),
  PORTCULLIS_GROUPS_DATABASE_URL: z.url(),
  PORTCULLIS_GRANTS_DATABASE_URL: z.url(),
  PORTCULLIS_TOKENS_DATABASE_URL: z.url(),
} as const;

/** The variable that names an owner's database. */
export const databaseVariable = {
  identity: "PORTCULLIS_IDENTITY_DATABASE_URL",
  groups: "PORTCULLIS_GROUPS_DATABASE_URL",
  grants: "PORTCULLIS_GRANTS_DATABASE_URL",
  tokens: "PORTCULLIS_TOKENS_DATABASE_URL",
} as const;
