import type { Callers } from "@portcullis/proto/callers";
import { type ClientOptions, type Connection, connect, type Stub } from "../src/rpc/client.ts";
import type { Tls } from "../src/tls.ts";

type Options = Pick<ClientOptions, "peer" | "address"> & {
  readonly serviceCredential: string;
  /** What each shows. */
  readonly tlsOf?: (service: string) => Tls | null;
};

/** Connections to one process in the names of those who may call it. */
export interface ListedConnection extends Disposable {
  /** Each RPC is called in the first name of its caller list. */
  stub<Definition extends Record<string, unknown>>(
    definition: Definition,
    callers: Callers<Definition, string>,
  ): Stub<Definition>;
  ready(withinMs: number): Promise<void>;
}

/** For tests that stand in for all who call a service. */
export function connectAsListed(options: Options): ListedConnection {
  const { peer, address, serviceCredential, tlsOf = () => null } = options;
  const connections = new Map<string, Connection>();
  const as = (service: string): Connection => {
    const connection =
      connections.get(service) ?? connect({ peer, address, serviceCredential, service, tls: tlsOf(service) });
    connections.set(service, connection);
    return connection;
  };
  return {
    stub<Definition extends Record<string, unknown>>(
      definition: Definition,
      callers: Callers<Definition, string>,
    ): Stub<Definition> {
      const calls = Object.keys(definition).map((method) => {
        const [caller = "nobody"] = callers[method] ?? callers.rest;
        return [method, as(caller).stub(definition)[method]];
      });
      return Object.fromEntries(calls) as Stub<Definition>;
    },
    async ready(withinMs) {
      await Promise.all([...connections.values()].map((connection) => connection.ready(withinMs)));
    },
    [Symbol.dispose]() {
      for (const connection of connections.values()) connection[Symbol.dispose]();
    },
  };
}
