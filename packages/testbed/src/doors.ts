// One guarded route in each framework that the client library has a guard for.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { ObjectRef, Portcullis } from "@portcullis/client";
import { guard as guardExpress } from "@portcullis/client/express";
import { guard as guardFastify } from "@portcullis/client/fastify";
import { guarded, guardedStream } from "@portcullis/client/grpc";
import express from "express";
import fastify, { type FastifyRequest } from "fastify";

/** A route that reads an experiment. */
export interface Door extends AsyncDisposable {
  /** What it answers to whoever shows this. */
  ask(authorization: string | undefined, experimentId: string): Promise<"allowed" | 401 | 403 | 503>;
}

/** What is done behind the door, with the request as its framework knows it. */
type Handle = (request: object) => Promise<void>;

export const doors: Readonly<Record<string, (portcullis: Portcullis, handle: Handle) => Promise<Door>>> = {
  express(portcullis, handle) {
    const app = express();
    app.get(
      "/experiments/:id",
      guardExpress(portcullis, {
        permission: "read",
        object: ({ params }) => experiment(String(params["id"])),
      }),
      (request, response, next) => {
        handle(request).then(() => response.json({}), next);
      },
    );
    return httpDoor(app);
  },

  async fastify(portcullis, handle) {
    const app = fastify();
    const object = ({ params }: FastifyRequest) => experiment((params as { id: string }).id);
    const preHandler = guardFastify(portcullis, { permission: "read", object });
    app.get("/experiments/:id", { preHandler }, (request) => handle(request).then(() => ({})));
    await app.ready();
    return httpDoor((request, response) => app.routing(request, response));
  },

  "grpc-js"(portcullis, handle) {
    return grpcDoor(
      guarded<Buffer, Buffer>(portcullis, ofMessage, (call, answer) => {
        handle(call).then(() => answer(null, call.request), answer);
      }),
      false,
    );
  },

  "grpc-js with many responses"(portcullis, handle) {
    return grpcDoor(
      guardedStream<Buffer, Buffer>(portcullis, ofMessage, (call) => {
        const answer = () => {
          call.write(call.request);
          call.end();
        };
        handle(call).then(answer, (error: Error) => call.destroy(error));
      }),
      true,
    );
  },
};

function experiment(id: string): ObjectRef {
  return { type: "experiment", id };
}

async function httpDoor(listener: RequestListener): Promise<Door> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    async ask(authorization, experimentId) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`${origin}/experiments/${experimentId}`, { headers });
      return response.ok ? "allowed" : (response.status as 401);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const bytes = (value: Buffer) => value;
const ofMessage = {
  permission: "read",
  object: ({ request }: { readonly request: Buffer }) => experiment(request.toString()),
};
const meanings = new Map<number, 401 | 403 | 503>([
  [status.UNAUTHENTICATED, 401],
  [status.PERMISSION_DENIED, 403],
  [status.UNAVAILABLE, 503],
]);

async function grpcDoor(get: unknown, responseStream: boolean): Promise<Door> {
  const path = "/test.Experiments/Get";
  const codec = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  const server = new Server();
  server.addService({ get: { path, requestStream: false, responseStream, ...codec } }, { get: get as never });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    async ask(authorization, experimentId) {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set("authorization", authorization);
      const call = client.makeServerStreamRequest(path, bytes, bytes, Buffer.from(experimentId), metadata);
      try {
        const responses = await call.toArray();
        if (responses.length !== 1) throw new Error(`${responses.length} responses`);
        return "allowed";
      } catch (error) {
        const meaning = meanings.get((error as ServiceError).code);
        if (meaning === undefined) throw error;
        return meaning;
      }
    },
    async [Symbol.asyncDispose]() {
      client.close();
      server.forceShutdown();
    },
  };
}
