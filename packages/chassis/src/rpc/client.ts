import { Client, Metadata, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";
import { Fault } from "../fault.ts";
import { channelCredentials, refuseUnprotected, type Tls } from "../tls.ts";
import { traceparent } from "../trace/trace.ts";
import { type Hop, requestIdKey, serviceCredentialKey, serviceNameKey } from "./call.ts";
import { type Numbered, Questions } from "./questions.ts";
import { fromServiceError } from "./status.ts";
import { tracedAsking, traceparentKey } from "./traced.ts";

/**
 * Of callers outside there may be thousands: who is down must not be asked three times as often by them as who is up, but
 * again no more often than for a tenth of what was answered.
 */
const retryThrottling = { maxTokens: 100, tokenRatio: 0.1 };

/** A call without a deadline of its own waits no longer than this. */
const usualDeadlineMs = 5000;

/**
 * The RPCs of a contract as functions, but for those with many requests. They throw Faults. Many responses come one after
 * the other, as fast as they are taken; such a call has no other deadline than its hop's, and ends when its signal is
 * aborted or nobody wants more of it.
 */
export type Stub<Definition> = {
  readonly [Method in keyof Definition]: Definition[Method] extends {
    requestStream: false;
    responseStream: infer Many;
    requestSerialize: (message: infer Request) => Buffer;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? Many extends true
      ? (request: Request, hop?: Partial<Hop>) => AsyncIterable<Response>
      : (request: Request, hop?: Partial<Hop>) => Promise<Response>
    : never;
};

export type ClientOptions = {
  /** Whom we call, for error messages. */
  readonly peer: string;
  readonly address: string;
  /** Who we are and whom we trust; null: the connection is not protected. */
  readonly tls?: Tls | null;
  /** Certificates to trust, in PEM, for who shows none: the connection is protected. */
  readonly certificateAuthority?: Buffer;
} & ClientIdentity;

/** Who we are: one of our own services, or the holder of a service token. */
type ClientIdentity =
  | { readonly service: string; readonly serviceCredential: string }
  | { readonly serviceToken: () => string };

/** A connection to one process that may serve several contracts. It connects when first used, and again when it must. */
export interface Connection extends Disposable {
  stub<Definition extends Record<string, unknown>>(definition: Definition): Stub<Definition>;
  /** Questions over a method with many requests, each of which is answered once, under its id. */
  questions<Request extends Numbered, Response extends Numbered>(
    rpc: MethodDefinition<Request, Response>,
    streamMs?: number,
  ): Questions<Request, Response>;
  /** Connects now. Throws `unavailable` when that takes longer. */
  ready(withinMs: number): Promise<void>;
}

export function connect(options: ClientOptions): Connection {
  const { tls = null, certificateAuthority } = options;
  // What we show the peer is a secret.
  const setting = `PORTCULLIS_${options.peer.toUpperCase()}_ADDRESS`;
  refuseUnprotected(setting, options.address, tls !== null || certificateAuthority !== undefined);
  const channel = channelCredentials(tls, certificateAuthority);
  const isOutside = "serviceToken" in options;
  const client = new Client(options.address, channel, {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 3000,
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    "grpc.service_config": JSON.stringify({
      loadBalancingConfig: [{ round_robin: {} }],
      ...(isOutside && { retryThrottling }),
      methodConfig: [
        {
          name: [
            { service: "portcullis.facts.v1.Facts" },
            { service: "portcullis.decision.v1.Decision" },
            { service: "portcullis.upstream.v1.Upstream" },
          ],
          retryPolicy: {
            maxAttempts: 3,
            initialBackoff: "0.05s",
            maxBackoff: "0.5s",
            backoffMultiplier: 2,
            // Who has too much to do refuses early. Of our own services none adds to that.
            retryableStatusCodes: ["UNAVAILABLE", ...(isOutside ? ["RESOURCE_EXHAUSTED"] : [])],
          },
        },
        // Whoever asks over a stream that has ended opens another.
        { name: [{ service: "portcullis.facts.v1.Facts", method: "LoadStream" }] },
      ],
    }),
  });
  // Applications load this on Node 20, too, which knows no DisposableStack.
  const opened: Disposable[] = [];
  return {
    stub<Definition extends Record<string, unknown>>(definition: Definition): Stub<Definition> {
      const calls = Object.entries(definition).map(([method, described]) => {
        const rpc = described as MethodDefinition<unknown, unknown>;
        const ask = isAnswering(rpc) ? listen : tracedAsking(rpc.path, invoke);
        return [
          method,
          (request: unknown, hop: Partial<Hop> = {}) => ask(client, rpc, request, hop, options),
        ];
      });
      return Object.fromEntries(calls) as Stub<Definition>;
    },
    questions: (rpc, streamMs) => {
      const { path, requestSerialize, responseDeserialize } = rpc;
      const open = () =>
        client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf({}, options));
      const questions = new Questions(open, options.peer, streamMs);
      opened.push(questions);
      return questions;
    },
    ready: (withinMs) =>
      new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + withinMs, (error) => {
          if (error) reject(new Fault("unavailable", `${options.peer} is not available`, { cause: error }));
          else resolve();
        });
      }),
    [Symbol.dispose]() {
      for (const one of opened) one[Symbol.dispose]();
      client.close();
    },
  };
}

function invoke(
  client: Client,
  rpc: MethodDefinition<unknown, unknown>,
  request: unknown,
  hop: Partial<Hop>,
  options: ClientOptions,
): Promise<unknown> {
  const metadata = metadataOf(hop, options);
  const usual = Date.now() + usualDeadlineMs;
  const said = hop.deadlineMs ?? usual;
  // Whoever is outside knows how long it waits; our own services hold nobody up for longer.
  const deadline = "serviceToken" in options ? said : Math.min(usual, said);
  return new Promise((resolve, reject: (fault: Fault) => void) => {
    const call = client.makeUnaryRequest(
      rpc.path,
      rpc.requestSerialize,
      rpc.responseDeserialize,
      request,
      metadata,
      { deadline },
      (error: ServiceError | null, response: unknown) => {
        hop.signal?.removeEventListener("abort", cancel);
        if (error) reject(fromServiceError(error, options.peer));
        else resolve(response);
      },
    );
    function cancel(): void {
      call.cancel();
    }
    if (hop.signal?.aborted) cancel();
    else hop.signal?.addEventListener("abort", cancel, { once: true });
  });
}

function isAnswering(rpc: unknown): boolean {
  return (rpc as Partial<MethodDefinition<unknown, unknown>>).responseStream === true;
}

async function* listen(
  client: Client,
  rpc: MethodDefinition<unknown, unknown>,
  request: unknown,
  hop: Partial<Hop>,
  options: ClientOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { deadlineMs = null, signal } = hop;
  const call = client.makeServerStreamRequest(
    rpc.path,
    rpc.requestSerialize,
    rpc.responseDeserialize,
    request,
    metadataOf(hop, options),
    deadlineMs === null ? {} : { deadline: deadlineMs },
  );
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  else signal?.addEventListener("abort", cancel, { once: true });
  try {
    yield* call;
  } catch (error) {
    throw fromServiceError(error as ServiceError, options.peer);
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

function metadataOf(hop: Partial<Hop>, options: ClientOptions): Metadata {
  const metadata = new Metadata();
  if ("serviceToken" in options) metadata.set("authorization", `Bearer ${options.serviceToken()}`);
  else {
    metadata.set(serviceNameKey, options.service);
    metadata.set(serviceCredentialKey, options.serviceCredential);
  }
  if (hop.requestId !== undefined) metadata.set(requestIdKey, hop.requestId);
  const trace = traceparent();
  if (trace !== null) metadata.set(traceparentKey, trace);
  return metadata;
}
