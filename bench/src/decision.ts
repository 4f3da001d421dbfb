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
import { makeWorld, type World } from "./world.ts";

/** The real system with a world in it, and its decision service as it is asked. */
export interface RunningDecision extends AsyncDisposable {
  readonly system: System;
  readonly world: World;
  /** One Check that is allowed. */
  readonly check: Target;
  /** As many of it in one BatchCheck. */
  batch(questions: number): Target;
}

/** `environment`: of all services. */
export async function startDecision(
  tell: (line: string) => void,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningDecision> {
  await using parts = new AsyncDisposableStack();
  tell("starting the system");
  const postgres = parts.use(await throwawayPostgres());
  const system = parts.use(await startSystem({ databaseServerUrl: postgres.url, environment }));
  const world = await makeWorld(system, tell);
  const pid = system.pid("decision");
  pinServer(pid);
  const { revision } = await system.decision.check(world.allowedCheck);
  const check: Target = {
    name: "Check",
    address: system.decisionAddress,
    path: DecisionService.check.path,
    request: Buffer.from(CheckRequest.encode(world.allowedCheck).finish()),
    response: Buffer.from(CheckResponse.encode({ allowed: true, revision }).finish()),
    headers: { authorization: `Bearer ${world.serviceToken}` },
    pid,
    questions: 1,
  };
  const whole = parts.move();
  return {
    system,
    world,
    check,
    batch(questions) {
      const { orgId } = world.allowedCheck;
      const checks = Array.from({ length: questions }, () => world.allowedCheck);
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
