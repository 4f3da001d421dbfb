// What a scraper and a kubelet ask a process, over plain HTTP: numbers, and whether it lives and can do its work. Nothing
// here tells of organisations, principals or credentials.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Registry } from "prom-client";
import { Fault } from "../fault.ts";
import type { Need } from "../need.ts";
import { within } from "../within.ts";
import { exposition } from "./exposition.ts";
import { metrics } from "./metric.ts";

export interface MetricsOptions {
  /** `host:port`; port 0 for a free one. */
  readonly listen: string;
  readonly service: string;
  /** What must be there for the process to do its work; null: it has not started yet, or it stops. */
  readonly needs: () => readonly Need[] | null;
}

/** What is asked for later than this is not there. */
const patienceMs = 1000;

/** Serves `/metrics`, `/livez` and `/readyz`. */
export async function serveMetrics(
  options: MetricsOptions,
): Promise<AsyncDisposable & { readonly address: string }> {
  const { listen, service, needs } = options;
  const ofNode = new Registry();
  ofNode.setDefaultLabels({ service });
  collectDefaultMetrics({ register: ofNode });
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    "/metrics": async () => ({
      status: 200,
      type: ofNode.contentType,
      text: (await exposition(metrics, { service })) + (await ofNode.metrics()),
    }),
    "/livez": async () => plain(200, "alive\n"),
    "/readyz": async () => {
      const all = needs();
      if (all === null) return plain(503, "starting or stopping\n");
      const missing = await missingOf(all);
      return missing.length === 0 ? plain(200, "ready\n") : plain(503, `not there: ${missing.join(", ")}\n`);
    },
  };
  const answer = async ({ method, url = "" }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const found = method === "GET" || method === "HEAD" ? answers[url.replace(/\?.*/s, "")] : undefined;
    const { status, type, text } = (await found?.()) ?? plain(404, "no such path\n");
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const colon = listen.lastIndexOf(":");
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Fault("unavailable", `can't listen on ${listen}: ${error.message}`)),
    );
    server.listen(Number(listen.slice(colon + 1)), listen.slice(0, colon).replace(/^\[|\]$/g, ""), resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `${listen.slice(0, colon)}:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function plain(status: number, text: string): Answer {
  return { status, type: "text/plain; charset=utf-8", text };
}

async function missingOf(needs: readonly Need[]): Promise<string[]> {
  const found = await Promise.all(
    needs.map(async ({ name, isThere }) => ((await isThereInTime(isThere)) ? [] : [name])),
  );
  return found.flat();
}

async function isThereInTime(isThere: Need["isThere"]): Promise<boolean> {
  return await within(patienceMs, isThere(), () => new Error("it took too long")).then(
    () => true,
    () => false,
  );
}
