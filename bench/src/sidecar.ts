import { CheckResponse } from "@portcullis/proto/decision/v1/decision";
import { startSidecar } from "@portcullis/testbed";
import { compare } from "./compare.ts";
import { pinServer } from "./cores.ts";
import { startDecision } from "./decision.ts";
import type { Target } from "./h2load.ts";
import { type Row, rowOf } from "./row.ts";

const one = { calls: 4000, connections: 1, atOnce: 1 };

/** The sidecar over its Unix socket against decision over TCP: how long the only caller waits. */
export async function sidecar(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using beside = await startSidecar({
    decisionAddress: decision.system.decisionAddress,
    serviceToken: decision.world.serviceToken,
  });
  pinServer(beside.pid);
  // Its revisions are shorter: whoever asks it shows no credential, so it asks the owner of those nothing.
  const answer = await beside.decision.check(decision.world.allowedCheck);
  if (!answer.allowed) throw new Error("the Check is denied");
  const ours: Target = {
    ...decision.check,
    name: "sidecar",
    address: `unix:${beside.path}`,
    response: Buffer.from(CheckResponse.encode(answer).finish()),
    headers: {},
    pid: beside.pid,
  };
  const reference = { target: decision.check, load: one };
  const done = await compare({ target: ours, load: one }, reference, { rounds: 7, tell });
  return [rowOf("sidecar", "p50Ms", { is: "at most", value: 0.7 }, done)];
}
