import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports from which systems usually choose those of outgoing connections (Linux: 32768, others: 49152): a
 * server that is stopped for a while finds its port free again.
 */
const lowest = 15_000;
const highest = 32_767;

/** A port of the loopback interface that nobody listens on now, and that no other caller gets while this process lives. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const port = randomInt(lowest, highest + 1);
    if ((await claim(port)) && !(await isTaken(port))) return port;
  }
  throw new Error("the loopback interface has no free port");
}

/** The claim is the datagram port of the same number: nobody needs it, one process can hold it, and it ends with it. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ address: "127.0.0.1", port, exclusive: true });
    await once(socket, "listening");
    socket.unref();
    return true;
  } catch (error) {
    if (isInUse(error)) return false;
    throw error;
  }
}

/** Somebody else listens there. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";
}

/** Calls with a free port; and again with another one if somebody was faster there. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === 3) throw error;
    }
  }
}

/** Whether somebody listens on this port of the loopback interface. */
export async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: "127.0.0.1", port });
    await once(server, "listening");
  } catch (error) {
    if (isInUse(error)) return true;
    throw error;
  }
  server.close();
  await once(server, "close");
  return false;
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
