// Envoy's external authorization, envoy.service.auth.v3: whether a request comes through, by a mapping file.

import type { Log } from "@portcullis/chassis/log";
import { implement } from "@portcullis/chassis/rpc/server";
import { AuthorizationService } from "@portcullis/proto/envoy/service/auth/v3/external_auth";
import { type Ask, authorizing } from "./authorize.ts";
import { readMapping } from "./mapping.ts";

export type { Ask };

/** None of our own services: an Envoy shows a service token, or stands beside a sidecar. */
const callers = { rest: [] };

/** The service for `serve`. Throws the one error that names file, rule and field for a mapping that is wrong. */
export function envoyAuthorization(mappingFile: string, ask: Ask, log: Log) {
  return implement(AuthorizationService, callers, authorizing(readMapping(mappingFile), ask, log));
}
