import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import type { NoAnswer } from "./no-answer.ts";
import { overDecision } from "./over-decision.ts";
import type { Portcullis } from "./portcullis.ts";
import { organizationOf, reach, tellOnStandardError } from "./reach.ts";

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

/** How long a check is waited for unless it is said. */
export const usualCheckMs = 500;

/** Opens a connection, when it is first used. Throws a TypeError that names the option that is wrong. */
export function connect(options: ConnectOptions): Portcullis {
  const { serviceToken, checkWithinMs = usualCheckMs, onNoAnswer = tellOnStandardError } = options;
  const tokenOrg = serviceToken === undefined ? undefined : organizationOf(serviceToken);
  const orgId = options.orgId ?? tokenOrg;
  if (orgId === undefined) throw new TypeError("orgId: is required without a serviceToken");
  const connection = reach(options);
  return overDecision({
    decision: connection.stub(DecisionService),
    orgId,
    checkMs: checkWithinMs,
    onNoAnswer,
    close: () => connection[Symbol.dispose](),
  });
}
