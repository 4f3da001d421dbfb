// A gRPC service of others, by the part of its contract that the bench speaks.

import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";
import type { Target } from "./h2load.ts";

/** Generous: the server may have been started just now, on a busy machine. */
const answerMs = 30_000;

export interface ForeignService extends Disposable {
  /** One call, as it can be made again and again, and what it was answered. */
  ask(method: string, request: object): Promise<Asked>;
}

export interface Asked extends Pick<Target, "path" | "request" | "response"> {
  readonly answer: object;
}

export interface ForeignServiceOptions {
  /** The file of the contract, as a URL. */
  readonly contract: URL;
  /** As the contract names it. */
  readonly service: string;
  /** `host:port`; the connection is not protected. */
  readonly address: string;
  readonly headers: Target["headers"];
}

/** Calls wait until somebody listens. */
export function foreignService({
  contract,
  service,
  address,
  headers,
}: ForeignServiceOptions): ForeignService {
  const options = { keepCase: true, enums: String, longs: String, defaults: true };
  const found = loadSync(fileURLToPath(contract), options);
  const methods = found[service] as Readonly<Record<string, MethodDefinition<object, object>>>;
  const client = new Client(address, credentials.createInsecure());
  const metadata = new Metadata({ waitForReady: true });
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return {
    async ask(name, message) {
      const method = methods[name];
      if (method === undefined) throw new Error(`${service} has no ${name}`);
      const { path } = method;
      const request = method.requestSerialize(message);
      const response = await new Promise<Buffer>((resolve, reject) => {
        const deadline = Date.now() + answerMs;
        client.makeUnaryRequest(path, bytes, bytes, request, metadata, { deadline }, (error, answer) => {
          if (error) reject(new Error(`${address}${path}: ${error.details}`));
          else resolve(answer ?? Buffer.alloc(0));
        });
      });
      return { path, request, response, answer: method.responseDeserialize(response) };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

const bytes = (message: Buffer): Buffer => message;
