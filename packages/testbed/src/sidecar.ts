import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, type Stub } from "@portcullis/chassis/rpc/client";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { ServiceProcess } from "./service-process.ts";

export interface SidecarOptions {
  /** Where its upstream listens. */
  readonly decisionAddress: string;
  readonly serviceToken: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A sidecar beside a test, as a process of its own. */
export interface Sidecar extends AsyncDisposable {
  readonly decision: Stub<typeof DecisionService>;
  /** Of its socket. */
  readonly path: string;
  readonly pid: number;
  output(): string;
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a sidecar on a socket of its own, and waits until it listens. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "sidecar-"));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "sidecar.sock");
  const output: string[] = [];
  const running = new ServiceProcess(
    "sidecar",
    {
      PORTCULLIS_LISTEN: `unix:${path}`,
      PORTCULLIS_DECISION_ADDRESS: options.decisionAddress,
      PORTCULLIS_SERVICE_TOKEN: options.serviceToken,
      ...options.environment,
    },
    output,
    fileURLToPath(new URL("../../../services/sidecar/sidecar", import.meta.url)),
  );
  parts.defer(() => running.end("SIGKILL"));
  await running.listening();
  // Whatever is shown to it, a sidecar does not ask for it.
  const connection = connect({ peer: "sidecar", address: `unix:${path}`, serviceToken: () => "none" });
  parts.use(connection);
  const whole = parts.move();
  return {
    decision: connection.stub(DecisionService),
    path,
    pid: running.pid,
    output: () => output.join(""),
    stop: (signal) => running.end(signal),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
