import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way to a server that can be shut, opened again and held up: a network that breaks on purpose. */
export interface Gate extends AsyncDisposable {
  /** The server's URL, by way of the gate. */
  readonly url: string;
  /** Cuts all connections, and lets nobody in. */
  shut(): void;
  open(): void;
  /** Keeps connections open, but lets nothing through, as when a cable is cut; `open` lets it all go on. */
  holdUp(): void;
}

/** Opens a gate in front of the server that a URL names. */
export async function openGate(serverUrl: string): Promise<Gate> {
  const server = new URL(serverUrl);
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: "open" | "shut" | "held up" = "open";
  const listener = createServer({ pauseOnConnect: true }, (outside) => {
    if (state === "shut") {
      outside.destroy();
      return;
    }
    const inside = connect(Number(server.port), server.hostname);
    const pair = [outside, inside] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        outside.destroy();
        inside.destroy();
      });
    }
    outside.on("data", (data) => inside.write(data));
    inside.on("data", (data) => outside.write(data));
    if (state === "open") outside.resume();
    else inside.pause();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("the gate has no port");
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  const cut = (): void => {
    for (const [outside, inside] of pairs) {
      outside.destroy();
      inside.destroy();
    }
  };
  return {
    url: url.href,
    shut() {
      state = "shut";
      cut();
    },
    open() {
      state = "open";
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    holdUp() {
      state = "held up";
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}
