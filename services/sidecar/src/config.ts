import { address, logLevel, metricsConfig, milliseconds, peerAddress } from "@portcullis/chassis/config";
import { arePeersOnThisMachine, isOnThisMachine } from "@portcullis/chassis/tls";
import { decisionLogConfig } from "@portcullis/checks/config";
import { z } from "zod";

const beside = address.refine(
  isOnThisMachine,
  "must be a unix socket or loopback: whoever connects may ask without a credential",
);

/** What a sidecar reads from its environment. */
export const config = z
  .object({
    /** Where it listens, without asking who calls. */
    PORTCULLIS_LISTEN: beside,
    /** Where it listens as well. */
    PORTCULLIS_LISTEN_LOOPBACK: beside.optional(),
    /** Where the AuthZEN API is served over HTTP, on loopback or a socket; unset: nowhere. */
    PORTCULLIS_HTTP_LISTEN: beside.optional(),
    /** Which requests need what, where Envoy asks (its external authorization, on the same port or socket); unset: it can't. */
    PORTCULLIS_ENVOY_MAPPING_FILE: z.string().optional(),
    /** The decision service that it asks. */
    PORTCULLIS_DECISION_ADDRESS: peerAddress,
    /** Whom it trusts to be that service, in PEM; required unless that is on this machine. */
    PORTCULLIS_TLS_CA_FILE: z.string().optional(),
    /** What it shows there: a service token without a scope. It answers about the organisation of this token alone. */
    PORTCULLIS_SERVICE_TOKEN: z.string().optional(),
    /** A file that holds the token instead; read again when it changes. */
    PORTCULLIS_SERVICE_TOKEN_FILE: z.string().optional(),
    /** No decision uses a fact that its owner did not confirm within this time. */
    PORTCULLIS_MAX_STALENESS_MS: milliseconds.min(200).default(2000),
    /** How many ids the facts in memory may hold in all; about 200 bytes each. */
    PORTCULLIS_MEMORY_IDS: z.coerce.number().int().min(1000).default(200_000),
    /** Where it notes which facts it held last, to read them at its next start. Unset: nowhere. */
    PORTCULLIS_STATE_FILE: z.string().optional(),
    /** What is answered when there is no answer: the error, or, loudly, *denied*. */
    PORTCULLIS_WHEN_UNAVAILABLE: z.enum(["error", "deny"]).default("error"),
    PORTCULLIS_LOG_LEVEL: logLevel,
    ...metricsConfig,
    ...decisionLogConfig,
  })
  .refine(
    ({ PORTCULLIS_SERVICE_TOKEN: token, PORTCULLIS_SERVICE_TOKEN_FILE: file }) =>
      (token === undefined) !== (file === undefined),
    {
      path: ["PORTCULLIS_SERVICE_TOKEN"],
      error: "is required, or PORTCULLIS_SERVICE_TOKEN_FILE, and not both",
    },
  )
  .refine(
    ({ PORTCULLIS_DECISION_ADDRESS: address, PORTCULLIS_TLS_CA_FILE: file }) =>
      file !== undefined || arePeersOnThisMachine(address),
    {
      path: ["PORTCULLIS_DECISION_ADDRESS"],
      error: "is not on this machine alone, and the connection is not protected: set PORTCULLIS_TLS_CA_FILE",
    },
  );

export type Config = z.infer<typeof config>;
