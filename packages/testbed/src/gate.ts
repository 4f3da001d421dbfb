import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** `there`: to the server; `back`: from it. */
type Direction = "there" | "back";

/** A way to a server that can be shut, held up, slowed down and opened again: a network that breaks on purpose. */
export interface Gate extends AsyncDisposable {
  /** The server's URL, by way of the gate. */
  readonly url: string;
  /** Cuts all connections, and lets nobody in. */
  shut(): void;
  /** Keeps connections open, but lets nothing through, as when a cable is cut; in one direction, or in both. */
  holdUp(direction?: Direction | "both"): void;
  /** Lets everything through that much later, in both directions. */
  slowDown(byMs: number): void;
  /** Lets everything through at once, and goes on with what was held up. */
  open(): void;
  /** Cuts all connections, and leads to another server from now on; its URL must differ in host and port alone. */
  leadTo(serverUrl: string): void;
}

/** Opens a gate in front of the server that a URL names. */
export async function openGate(serverUrl: string): Promise<Gate> {
  let server = new URL(serverUrl);
  const passages = new Set<Passage>();
  let isShut = false;
  let heldUp: readonly Direction[] = [];
  let delayMs = 0;

  const listener = createServer({ pauseOnConnect: true }, (outside) => {
    if (isShut) {
      outside.destroy();
      return;
    }
    const passage = new Passage(outside, connect(Number(server.port), server.hostname));
    passages.add(passage);
    passage.closed.then(() => passages.delete(passage)).catch(() => undefined);
    passage.obey(heldUp, delayMs);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("the gate has no port");
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);

  const cut = (): void => {
    for (const passage of passages) passage.cut();
  };
  const obey = (directions: readonly Direction[], byMs: number): void => {
    isShut = false;
    heldUp = directions;
    delayMs = byMs;
    for (const passage of passages) passage.obey(heldUp, delayMs);
  };
  return {
    url: url.href,
    shut() {
      isShut = true;
      cut();
    },
    holdUp: (direction = "both") => obey(direction === "both" ? ["there", "back"] : [direction], 0),
    slowDown: (byMs) => obey([], byMs),
    open: () => obey([], 0),
    leadTo(other) {
      server = new URL(other);
      cut();
    },
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}

/** One connection through a gate. */
class Passage {
  readonly closed: Promise<void>;
  readonly #outside: Socket;
  readonly #inside: Socket;
  #delayMs = 0;

  constructor(outside: Socket, inside: Socket) {
    this.#outside = outside;
    this.#inside = inside;
    this.#carry(outside, inside);
    this.#carry(inside, outside);
    this.closed = new Promise((resolve) => {
      for (const socket of [outside, inside]) {
        socket.setNoDelay(true);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.cut();
          resolve();
        });
      }
    });
  }

  obey(heldUp: readonly Direction[], delayMs: number): void {
    this.#delayMs = delayMs;
    for (const [direction, from] of [
      ["there", this.#outside],
      ["back", this.#inside],
    ] as const) {
      if (heldUp.includes(direction)) from.pause();
      else from.resume();
    }
  }

  cut(): void {
    this.#outside.destroy();
    this.#inside.destroy();
  }

  /** In order, whatever the delay was when a part came. */
  #carry(from: Socket, to: Socket): void {
    let last: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    const carryLate = async (
      data: Buffer,
      before: Promise<unknown>,
      due: Promise<unknown>,
    ): Promise<void> => {
      await Promise.all([before, due]);
      waiting--;
      if (!to.destroyed) to.write(data);
    };
    from.on("data", (data: Buffer) => {
      if (this.#delayMs === 0 && waiting === 0) {
        to.write(data);
        return;
      }
      waiting++;
      last = carryLate(data, last, delay(this.#delayMs));
    });
  }
}
