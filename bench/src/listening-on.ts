import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** As `/proc/net/tcp` says that somebody listens. */
const listenState = "0A";

/** The process that listens on the port of an address on this machine; null: none that we may see. On Linux. */
export function listeningOn(address: string): number | null {
  const { hostname, port } = new URL(`tcp://${address}`);
  if (!["127.0.0.1", "localhost", "[::1]"].includes(hostname)) return null;
  const inodes = new Set(["tcp", "tcp6"].flatMap((protocol) => socketsOn(Number(port), protocol)));
  for (const pid of readdirSync("/proc")) {
    if (/^\d+$/.test(pid) && socketsOf(pid).some((inode) => inodes.has(inode))) return Number(pid);
  }
  return null;
}

/** The inodes of sockets that listen on a port. */
function socketsOn(port: number, protocol: string): string[] {
  const lines = readFileSync(`/proc/net/${protocol}`, "utf8").trimEnd().split("\n").slice(1);
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return lines.flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    return local.endsWith(ending) && state === listenState ? [inode] : [];
  });
}

/** The inodes of the sockets that a process holds open. */
function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => linkOf(`/proc/${pid}/fd/${descriptor}`));
  } catch {
    return []; // it is another user's, or has ended
  }
}

function linkOf(path: string): string[] {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(path)) ?? [];
    return inode === undefined ? [] : [inode];
  } catch {
    return []; // it was closed meanwhile
  }
}
