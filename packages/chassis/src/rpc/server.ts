import { createHash, timingSafeEqual } from "node:crypto";
import { existsSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { v7 as newUuid } from "uuid";
import { Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import {
  type Call,
  type Caller,
  isRequestId,
  requestIdKey,
  serviceCredentialKey,
  serviceNameKey,
} from "./call.ts";
import { reflectionOf } from "./reflection.ts";
import { badServiceCredential, toServiceError } from "./status.ts";

/** Calls that bring no deadline get this one. */
const longestCallMs = 10_000;

/** One function per RPC of a contract. A handler that answers without a promise is answered in the same tick. */
export type Handlers<Definition> = {
  readonly [Method in keyof Definition]: Definition[Method] extends {
    requestDeserialize: (bytes: Buffer) => infer Request;
    responseSerialize: (message: infer Response) => Buffer;
  }
    ? (request: Request, call: Call) => Response | Promise<Response>
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
  readonly serviceCredential: string;
  /** Without it only our own services may call. */
  readonly authenticate?: Authenticate;
  /** What `buf build` wrote, for reflection. */
  readonly descriptor: Buffer;
  readonly log: Log;
}

export interface RunningServer extends AsyncDisposable {
  /** Where it really listens. */
  readonly address: string;
}

/** The handlers of one contract, as `serve` wants them. */
export function implement<Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: Handlers<Definition>,
): (options: ServerOptions) => Service {
  return (options) => {
    const gate = gatekeeper(options);
    const implementation: Record<string, UntypedHandleCall> = {};
    for (const [method, handler] of Object.entries(handlers)) {
      const path = definition[method]?.path ?? method;
      implementation[method] = unary(path, handler as Handler, gate, options.log) as UntypedHandleCall;
    }
    return { definition, implementation };
  };
}

/** Listens, with health and reflection beside the services. Disposing it lets running calls end, for two seconds. */
export async function serve(
  options: ServerOptions,
  services: readonly ((options: ServerOptions) => Service)[],
): Promise<RunningServer> {
  const server = new Server({ "grpc.max_receive_message_length": 4 * 1024 * 1024 });
  const health = new HealthImplementation({ "": "SERVING" });
  const served = services.map((make) => make(options));
  for (const { definition, implementation } of served) server.addService(definition, implementation);
  health.addToServer(server);
  const definitions = served.map(({ definition }) => definition);
  reflectionOf(options.descriptor, definitions).addToServer(server);
  await removeStaleSocket(options.listen);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(options.listen, ServerCredentials.createInsecure(), (error, bound) =>
      error
        ? reject(new Fault("unavailable", `can't listen on ${options.listen}: ${error.message}`))
        : resolve(bound),
    );
  });
  return {
    address: options.listen.startsWith("unix:")
      ? options.listen
      : options.listen.replace(/:\d+$/, `:${port}`),
    async [Symbol.asyncDispose]() {
      health.setStatus("", "NOT_SERVING");
      const hurry = setTimeout(() => server.forceShutdown(), 2000);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(hurry);
    },
  };
}

type Handler = (request: unknown, call: Call) => unknown;
type Gate = (metadata: Metadata, hop: { requestId: string }) => Caller | Promise<Caller>;

function gatekeeper(options: ServerOptions): Gate {
  const expected = digest(options.serviceCredential);
  return (metadata, hop) => {
    const shown = metadata.get(serviceCredentialKey)[0];
    if (typeof shown === "string") {
      if (!timingSafeEqual(digest(shown), expected)) throw new Fault("unauthenticated", badServiceCredential);
      return { kind: "service", name: String(metadata.get(serviceNameKey)[0] ?? "unnamed") };
    }
    if (options.authenticate === undefined) throw new Fault("unauthenticated", badServiceCredential);
    return options.authenticate(metadata, hop);
  };
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function unary(path: string, handler: Handler, gate: Gate, log: Log) {
  return (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    const running = new RunningCall(call);
    const fail = (thrown: unknown): void => {
      report(thrown, path, running.requestId, log);
      answer(toServiceError(thrown));
    };
    const succeed = (message: unknown): void => {
      if (log.isLevelEnabled("debug"))
        log.debug({ path, requestId: running.requestId }, "a call was answered");
      answer(null, message);
    };
    const handle = (caller: Caller): unknown => {
      running.caller = caller;
      return handler(call.request, running);
    };
    try {
      const caller = gate(call.metadata, running);
      const result = caller instanceof Promise ? caller.then(handle) : handle(caller);
      if (result instanceof Promise) {
        running.within(longestCallMs, result).then(succeed, fail);
      } else {
        succeed(result);
      }
    } catch (thrown) {
      fail(thrown);
    }
  };
}

/** A call whose costlier parts are made only when somebody asks for them: most Checks ask for none. */
class RunningCall implements Call {
  caller: Caller = { kind: "service", name: "" };
  readonly #call: ServerUnaryCall<unknown, unknown>;
  #requestId: string | null = null;
  #abort: AbortController | null = null;
  #deadlineMs: number | null | undefined;

  constructor(call: ServerUnaryCall<unknown, unknown>) {
    this.#call = call;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get requestId(): string {
    if (this.#requestId === null) {
      const given = this.#call.metadata.get(requestIdKey)[0];
      this.#requestId = typeof given === "string" && isRequestId(given) ? given : newUuid();
    }
    return this.#requestId;
  }

  get deadlineMs(): number {
    if (this.#deadlineMs === undefined) {
      const given = this.#call.getDeadline();
      const at = given instanceof Date ? given.getTime() : given;
      this.#deadlineMs = Number.isFinite(at) ? at : null;
    }
    return this.#deadlineMs ?? Date.now() + longestCallMs;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#call.cancelled) this.#abort.abort(new Fault("cancelled", "the caller went away"));
      this.#call.once("cancelled", () => this.#abort?.abort(new Fault("cancelled", "the caller went away")));
    }
    return this.#abort.signal;
  }

  /** The result, or a timeout, whichever comes first. */
  within<T>(ms: number, result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const timeout = new Fault("timeout", "the call took too long");
        this.#abort?.abort(timeout);
        reject(timeout);
      }, ms);
      result.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}

function report(thrown: unknown, path: string, requestId: string, log: Log): void {
  if (!(thrown instanceof Fault)) log.error({ path, requestId, err: thrown }, "a call failed unexpectedly");
  else if (thrown.kind === "internal" || thrown.kind === "unavailable") {
    log.warn(
      { path, requestId, kind: thrown.kind, reason: thrown.message, cause: causeOf(thrown) },
      "a call failed",
    );
  } else log.debug({ path, requestId, kind: thrown.kind, reason: thrown.message }, "a call was refused");
}

function causeOf(fault: Fault): string | undefined {
  return fault.cause instanceof Error ? fault.cause.message : undefined;
}

/** A killed server leaves its socket file behind, and grpc-js can't bind over it. */
async function removeStaleSocket(listen: string): Promise<void> {
  if (!listen.startsWith("unix:")) return;
  const path = listen.slice("unix:".length);
  if (!existsSync(path)) return;
  const answered = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (answered) throw new Fault("unavailable", `can't listen on ${listen}: another process does`);
  unlinkSync(path);
}
