import { connect } from "@portcullis/chassis/rpc/client";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import {
  BatchCheckRequest,
  BatchCheckResponse,
  CheckRequest,
  CheckResponse,
  DecisionService,
} from "@portcullis/proto/decision/v1/decision";
import { type System, startSystem } from "@portcullis/testbed";
import { pinServer } from "./cores.ts";
import type { Target } from "./h2load.ts";
import { type AllowedCheck, makeWorld, type Size, type World } from "./world.ts";

type OwnTarget = Target & { readonly pid: number };

/** The real system with a world in it, and its decision service as it is asked. */
export interface RunningDecision extends AsyncDisposable {
  readonly system: System;
  readonly world: World;
  /** One Check that is allowed. */
  readonly check: OwnTarget;
  /** As many of it in one BatchCheck. */
  batch(questions: number): Target;
}

/** `environment`: of all services. */
export async function startDecision(
  tell: (line: string) => void,
  environment: Readonly<Record<string, string>> = {},
  size?: Size,
): Promise<RunningDecision> {
  await using parts = new AsyncDisposableStack();
  tell("starting the system");
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(await startSystem({ databaseServerUrl: postgres.url, environment }));
  const world = await makeWorld(system, tell, size);
  pinServer(system.pid("decision"));
  const check = await checkTarget(system, world);
  const whole = parts.move();
  return {
    system,
    world,
    check,
    batch(questions) {
      const { orgId } = world.allowedCheck;
      const checks = Array.from({ length: questions }, () => world.allowedCheck);
      const { revision } = CheckResponse.decode(check.response);
      const results = Array.from({ length: questions }, () => ({ allowed: true, error: undefined }));
      return {
        ...check,
        name: "BatchCheck",
        path: DecisionService.batchCheck.path,
        request: Buffer.from(BatchCheckRequest.encode({ orgId, checks, consistency: undefined }).finish()),
        response: Buffer.from(BatchCheckResponse.encode({ results, revision }).finish()),
        questions,
      };
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** The Check that is allowed, as it is asked of the first process of decision. */
export async function checkTarget(
  system: System,
  { allowedCheck, serviceToken }: AllowedCheck,
): Promise<OwnTarget> {
  // Asked as in the load: a revision names the owners that were asked, and its length must be that of all others.
  using connection = connect({
    peer: "decision",
    address: system.decisionAddress,
    serviceToken: () => serviceToken,
  });
  const { allowed, revision } = await connection.stub(DecisionService).check(allowedCheck);
  if (!allowed) throw new Error("the Check is denied");
  return {
    name: "Check",
    address: system.decisionAddress,
    path: DecisionService.check.path,
    request: Buffer.from(CheckRequest.encode(allowedCheck).finish()),
    response: Buffer.from(CheckResponse.encode({ allowed, revision }).finish()),
    headers: { authorization: `Bearer ${serviceToken}` },
    pid: system.pid("decision"),
    questions: 1,
  };
}
