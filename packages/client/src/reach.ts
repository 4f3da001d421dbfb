// Finding the other side: whom a connection may reach, and of which organisation it asks.

import { Fault } from "@portcullis/chassis/fault";
import { type Connection, connect } from "@portcullis/chassis/rpc/client";
import { isOnThisMachine } from "@portcullis/chassis/tls";
import { parseCredential } from "@portcullis/credential";
import type { OrgId } from "@portcullis/policy";
import type { ConnectOptions } from "./connect.ts";
import type { NoAnswer } from "./no-answer.ts";

/** Throws a TypeError that names the option that is wrong. */
export function reach({
  address,
  serviceToken = "",
  certificateAuthority,
}: Pick<ConnectOptions, "address" | "serviceToken" | "certificateAuthority">): Connection {
  if (certificateAuthority === undefined && !isOnThisMachine(address)) {
    throw new TypeError(
      "certificateAuthority: is required to leave this machine: what is asked would be readable",
    );
  }
  return connect({
    peer: "portcullis",
    address,
    serviceToken: () => serviceToken,
    ...(certificateAuthority !== undefined && { certificateAuthority }),
  });
}

/** Throws a TypeError for what is no service token. */
export function organizationOf(serviceToken: string): OrgId {
  const parsed = parseCredential(serviceToken);
  if (parsed?.kind !== "service_token") throw new TypeError("serviceToken: is no service token");
  return parsed.org;
}

export function tellOnStandardError({ kind, message, cause }: NoAnswer): void {
  process.stderr.write(`portcullis: denied without an answer: ${kind}: ${message}\n`);
  // What the application's own functions throw, it must see.
  if (cause instanceof Error && !(cause instanceof Fault)) process.stderr.write(`${cause.stack}\n`);
}
