import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import type { Leashed } from "./leash.ts";

export interface HealthOptions {
  readonly address: string;
  readonly protocol: "grpc" | "http";
  readonly process: Leashed;
  readonly patienceMs: number;
}

/** Waits until the process says that it serves; false: it ended, or our patience did. */
export async function isHealthy(options: HealthOptions): Promise<boolean> {
  const deadline = Date.now() + options.patienceMs;
  const serves = options.protocol === "http" ? servesHttp : servesGrpc;
  while (!options.process.gone && Date.now() < deadline) {
    if (await serves(options.address)) return !options.process.gone;
    await delay(50);
  }
  return false;
}

async function servesHttp(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/healthz`, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function servesGrpc(address: string): Promise<boolean> {
  const check = service["Check"];
  if (check === undefined) throw new Error("the health service has no Check");
  const client = new Client(address, credentials.createInsecure());
  try {
    return await new Promise<boolean>((resolve) => {
      client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        { service: "" },
        { deadline: Date.now() + 2000 },
        (error: unknown, answer?: unknown) => resolve(error === null && isServing(answer)),
      );
    });
  } finally {
    client.close();
  }
}

function isServing(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "status" in answer && answer.status === "SERVING";
}
