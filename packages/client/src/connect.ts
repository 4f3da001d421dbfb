import { connect as connectTo } from "@portcullis/chassis/rpc/client";
import { isOnThisMachine } from "@portcullis/chassis/tls";
import { parseCredential } from "@portcullis/credential";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import type { NoAnswer } from "./no-answer.ts";
import { overDecision } from "./over-decision.ts";
import type { Portcullis } from "./portcullis.ts";

export interface ConnectOptions {
  /** A sidecar's socket, as `unix:/run/portcullis/sidecar.sock`, or where decision listens, as `host:port`. */
  readonly address: string;
  /** A service token, for decision; a sidecar asks for none. */
  readonly serviceToken?: string;
  /** The organisation that is asked about; that of the token if it is not said. */
  readonly orgId?: string;
  /** Certificates to trust, in PEM. With them the connection is protected, and only then may it leave this machine. */
  readonly certificateAuthority?: Buffer;
  /** How long a check is waited for unless it says so itself: 500 ms. */
  readonly checkWithinMs?: number;
  /** Told of every answer that `isAllowed`, a guard or a watch did not get. Standard error, when it is not given. */
  readonly onNoAnswer?: (error: NoAnswer) => void;
}

const checkMs = 500;

/** Opens a connection, when it is first used. Throws a TypeError that names the option that is wrong. */
export function connect(options: ConnectOptions): Portcullis {
  const { address, serviceToken, certificateAuthority, checkWithinMs = checkMs } = options;
  const orgId = options.orgId ?? organizationOf(serviceToken);
  if (certificateAuthority === undefined && !isOnThisMachine(address)) {
    throw new TypeError(
      "certificateAuthority: is required to leave this machine: what is asked would be readable",
    );
  }
  const connection = connectTo({
    peer: "portcullis",
    address,
    serviceToken: () => serviceToken ?? "",
    ...(certificateAuthority !== undefined && { certificateAuthority }),
  });
  return overDecision({
    decision: connection.stub(DecisionService),
    orgId,
    checkMs: checkWithinMs,
    onNoAnswer: options.onNoAnswer ?? tellOnStandardError,
    close: () => connection[Symbol.dispose](),
  });
}

function organizationOf(serviceToken: string | undefined): string {
  const parsed = serviceToken === undefined ? null : parseCredential(serviceToken);
  if (serviceToken !== undefined && parsed === null) throw new TypeError("serviceToken: is no service token");
  if (parsed === null) throw new TypeError("orgId: is required without a serviceToken");
  return parsed.org;
}

function tellOnStandardError({ kind, message }: NoAnswer): void {
  process.stderr.write(`portcullis: denied without an answer: ${kind}: ${message}\n`);
}
