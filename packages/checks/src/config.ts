import { z } from "zod";

/** What whoever decides reads about its log. */
export const decisionLogConfig = {
  /** Which share of the decisions is told in the log, from 0 (none) to 1 (all). */
  PORTCULLIS_DECISION_LOG_SAMPLE: z.coerce.number().min(0).max(1).default(0),
} as const;
