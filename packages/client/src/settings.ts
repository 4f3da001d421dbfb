import { readFileSync } from "node:fs";
import type { ConnectOptions } from "./connect.ts";

/**
 * What an environment says about where to ask: PORTCULLIS_DECISION_ADDRESS, PORTCULLIS_SERVICE_TOKEN, PORTCULLIS_ORG_ID and
 * PORTCULLIS_TLS_CA_FILE. Empty is absent. Throws a TypeError that names the variable that is wrong.
 */
export function settingsOf(environment: Readonly<Record<string, string | undefined>>): ConnectOptions {
  const setting = (name: string) => environment[`PORTCULLIS_${name}`] || undefined;
  const address = setting("DECISION_ADDRESS");
  if (address === undefined) throw new TypeError("PORTCULLIS_DECISION_ADDRESS: is not set");
  const serviceToken = setting("SERVICE_TOKEN");
  const orgId = setting("ORG_ID");
  const authorityFile = setting("TLS_CA_FILE");
  return {
    address,
    ...(serviceToken !== undefined && { serviceToken }),
    ...(orgId !== undefined && { orgId }),
    ...(authorityFile !== undefined && { certificateAuthority: contentOf(authorityFile) }),
  };
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TypeError("PORTCULLIS_TLS_CA_FILE: can't be read", { cause: error });
  }
}
