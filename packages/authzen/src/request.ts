// The bodies of requests, as the standard writes them. What else stands in them is ignored, as it demands.

import { z } from "zod";

const idMax = 512;
const text = z.string().min(1).max(idMax);
const properties = z.record(z.string(), z.unknown()).optional();

const subject = z.object({ type: text, id: text, properties });
const action = z.object({ name: text, properties });
const resource = z.object({ type: text, id: text, properties });
const context = z.record(z.string(), z.unknown()).optional();
/** The id of what is searched for is ignored. */
const searched = z.object({ type: text });
const page = z
  .object({
    token: z.string().max(4096).optional(),
    limit: z.number().int().min(1).max(1000).optional(),
  })
  .optional();

export const evaluationRequest = z.object({ subject, action, resource, context });
export type Evaluation = z.infer<typeof evaluationRequest>;

const evaluationsMax = 1000;
export const semantics = ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] as const;

/** Of the items nothing: one that is malformed is denied alone. */
export const evaluationsRequest = z.object({
  subject: z.unknown().optional(),
  action: z.unknown().optional(),
  resource: z.unknown().optional(),
  context: z.unknown().optional(),
  evaluations: z.array(z.unknown()).max(evaluationsMax).optional(),
  options: z.object({ evaluations_semantic: z.enum(semantics).default("execute_all") }).optional(),
});

export const subjectSearch = z.object({ subject: searched, action, resource, context, page });
export const resourceSearch = z.object({ subject, action, resource: searched, context, page });
export const actionSearch = z.object({ subject, resource, context, page });
