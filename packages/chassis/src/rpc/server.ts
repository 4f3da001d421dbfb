import { createHash, timingSafeEqual } from "node:crypto";
import { setMaxListeners } from "node:events";
import {
  type Metadata,
  Server,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { Callers } from "@portcullis/proto/callers";
import { HealthImplementation } from "grpc-health-check";
import { Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import { removeStaleSocket } from "../stale-socket.ts";
import { refuseUnprotected, serverCredentials, type Tls } from "../tls.ts";
import { type Call, type Caller, serviceCredentialKey, serviceNameKey } from "./call.ts";
import { countsOf } from "./counts.ts";
import { type Gate, longestCallMs, RunningCall, report } from "./running-call.ts";
import { keepCallsShortLived } from "./short-lived.ts";
import { badServiceCredential, codeOf, notForThisService, toServiceError } from "./status.ts";
import { type Answering, answering, type Conversation, conversing } from "./stream.ts";
import { tracedAnswering } from "./traced.ts";
import { writeAhead } from "./writing-ahead.ts";

/**
 * One function per RPC of a contract. A handler that answers without a promise is answered in the same tick. One of many
 * answers ends the call by returning.
 */
export type Handlers<Definition> = {
  readonly [Method in keyof Definition]: Definition[Method] extends {
    requestStream: infer ManyRequests;
    responseStream: infer ManyResponses;
    requestDeserialize: (bytes: Buffer) => infer Request;
    responseSerialize: (message: infer Response) => Buffer;
  }
    ? ManyRequests extends true
      ? (conversation: Conversation<Request, Response>) => Promise<void>
      : ManyResponses extends true
        ? (request: Request, call: Answering<Response>) => Promise<void>
        : (request: Request, call: Call) => Response | Promise<Response>
    : never;
};

/** A contract and what answers it. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: Record<string, UntypedHandleCall>;
}

/** Says who calls when no service credential is shown; throws a Fault for nobody. Answers at once where it can. */
export type Authenticate = (metadata: Metadata, hop: { requestId: string }) => Caller | Promise<Caller>;

export interface ServerOptions {
  /** `host:port` (port 0 for a free one) or `unix:/path`. */
  readonly listen: string;
  /** Null: our own services are nobody here. */
  readonly serviceCredential: string | null;
  /** Who we are and whom we trust. Without it nobody else may be able to reach us. */
  readonly tls?: Tls | null;
  /** Without it only our own services may call. */
  readonly authenticate?: Authenticate;
  /** What `buf build` wrote, for reflection; null: none, which a small process can do without. */
  readonly descriptor: Buffer | null;
  readonly log: Log;
}

export interface RunningServer extends AsyncDisposable {
  /** Where it really listens. */
  readonly address: string;
}

/** The handlers of one contract, and who may call them, as `serve` wants them. */
export function implement<Definition extends ServiceDefinition>(
  definition: Definition,
  callers: Callers<Definition, string>,
  handlers: Handlers<Definition>,
): (options: ServerOptions, closing: AbortSignal) => Service {
  return (options, closing) => {
    const implementation: Record<string, UntypedHandleCall> = {};
    for (const [method, handler] of Object.entries(handlers)) {
      const path = definition[method]?.path ?? method;
      const gate = gatekeeper(options, path, callers[method] ?? callers.rest);
      const surroundings = { path, gate, log: options.log, closing };
      if (definition[method]?.requestStream === true) {
        implementation[method] = conversing(handler as Converser, surroundings) as UntypedHandleCall;
      } else if (definition[method]?.responseStream === true) {
        implementation[method] = answering(handler as Answerer, surroundings) as UntypedHandleCall;
      } else {
        const answering = unary(path, handler as Handler, gate, options.log);
        implementation[method] = tracedAnswering(path, answering) as UntypedHandleCall;
      }
    }
    const served = Object.entries(definition).map(([method, rpc]) => [
      method,
      { ...rpc, responseSerialize: encodingOnce(rpc.responseSerialize) },
    ]);
    return { definition: Object.fromEntries(served) as ServiceDefinition, implementation };
  };
}

/** Listens, with health and reflection beside the services. Disposing it lets running calls end, for two seconds. */
export async function serve(
  options: ServerOptions,
  services: readonly ((options: ServerOptions, closing: AbortSignal) => Service)[],
): Promise<RunningServer> {
  const { tls = null } = options;
  refuseUnprotected("PORTCULLIS_LISTEN", options.listen, tls !== null);
  const server = new Server({
    "grpc.max_receive_message_length": 4 * 1024 * 1024,
    // Counts for each call that nobody reads.
    "grpc.enable_channelz": 0,
    interceptors: [writeAhead],
  });
  const health = new HealthImplementation({ "": "SERVING" });
  const closing = new AbortController();
  // Every open stream listens, and there may be thousands.
  setMaxListeners(0, closing.signal);
  const served = services.map((make) => make(options, closing.signal));
  for (const { definition, implementation } of served) server.addService(definition, implementation);
  health.addToServer(server);
  if (options.descriptor !== null) {
    const { reflectionOf } = await import("./reflection.ts");
    const definitions = served.map(({ definition }) => definition);
    reflectionOf(options.descriptor, definitions).addToServer(server);
  }
  await removeStaleSocket(options.listen);
  const port = await new Promise<number>((resolve, reject) => {
    const shown = serverCredentials(tls, options.authenticate === undefined ? "all" : "some");
    server.bindAsync(options.listen, shown, (error, bound) =>
      error
        ? reject(new Fault("unavailable", `can't listen on ${options.listen}: ${error.message}`))
        : resolve(bound),
    );
  });
  keepCallsShortLived(server);
  return {
    address: options.listen.startsWith("unix:")
      ? options.listen
      : options.listen.replace(/:\d+$/, `:${port}`),
    async [Symbol.asyncDispose]() {
      health.setStatus("", "NOT_SERVING");
      closing.abort();
      const hurry = setTimeout(() => server.forceShutdown(), 2000);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(hurry);
    },
  };
}

type Handler = (request: unknown, call: Call) => unknown;
type Converser = Parameters<typeof conversing>[0];
type Answerer = Parameters<typeof answering>[0];

/** Our own services may call what lists them; others are known by what they show. */
function gatekeeper(options: ServerOptions, path: string, callers: readonly string[]): Gate {
  const isProtected = (options.tls ?? null) !== null;
  const expected = options.serviceCredential === null ? null : digest(options.serviceCredential);
  return (metadata, hop) => {
    const shown = metadata.get(serviceCredentialKey)[0];
    if (typeof shown === "string" && expected !== null) {
      if (!timingSafeEqual(digest(shown), expected)) throw new Fault("unauthenticated", badServiceCredential);
      const said = String(metadata.get(serviceNameKey)[0] ?? "unnamed");
      // Who holds the credential and no certificate, or that of another service, is nobody.
      if (isProtected && hop.peerService !== said) throw new Fault("unauthenticated", badServiceCredential);
      if (!callers.includes(said)) {
        options.log.warn({ path, service: said }, "a service called what does not list it");
        throw new Fault("denied", notForThisService);
      }
      return { kind: "service", name: said };
    }
    if (options.authenticate === undefined) throw new Fault("unauthenticated", badServiceCredential);
    return options.authenticate(metadata, hop);
  };
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Nothing is made for a call that is answered at once but what its handler sees. */
function unary(path: string, handler: Handler, gate: Gate, log: Log) {
  const counts = countsOf(path);
  const fail = (thrown: unknown, running: RunningCall, answer: sendUnaryData<unknown>): void => {
    counts.answered(codeOf(thrown), performance.now() - running.startedAt);
    report(thrown, path, running.requestId, log);
    answer(toServiceError(thrown));
  };
  const succeed = (message: unknown, running: RunningCall, answer: sendUnaryData<unknown>): void => {
    running.answered();
    counts.answered(status.OK, performance.now() - running.startedAt);
    if (log.isLevelEnabled("debug")) log.debug({ path, requestId: running.requestId }, "a call was answered");
    answer(null, message);
  };
  const handle = (caller: Caller, request: unknown, running: RunningCall): unknown => {
    running.caller = caller;
    return handler(request, running);
  };
  return (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    const running = new RunningCall(call);
    try {
      const caller = gate(call.metadata, running);
      const result =
        caller instanceof Promise
          ? caller.then((known) => handle(known, call.request, running))
          : handle(caller, call.request, running);
      if (result instanceof Promise) {
        running.within(longestCallMs, result).then(
          (message: unknown) => succeed(message, running, answer),
          (thrown: unknown) => fail(thrown, running, answer),
        );
      } else {
        succeed(result, running, answer);
      }
    } catch (thrown) {
      fail(thrown, running, answer);
    }
  };
}

/** What is frozen is an answer that is given over and over: it is encoded once. */
function encodingOnce(encode: (message: object) => Buffer): (message: object) => Buffer {
  const encoded = new WeakMap<object, Buffer>();
  return (message) => {
    if (!Object.isFrozen(message)) return encode(message);
    const known = encoded.get(message);
    if (known !== undefined) return known;
    const bytes = encode(message);
    encoded.set(message, bytes);
    return bytes;
  };
}
