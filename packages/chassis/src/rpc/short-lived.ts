// What a call makes is garbage once it was answered. To collect young garbage costs nothing; but whatever something old
// refers to stays until the old are collected, even if that is garbage too. So of each call 6 kB were copied twice and then
// collected with the old, which took a quarter of a Check's time, and pauses of 20 ms.

import { EventEmitter } from "node:events";
import { types } from "node:util";
import { setFlagsFromString } from "node:v8";
import type { Server } from "@grpc/grpc-js";
import { OpenStreams } from "./open-streams.ts";

/** Lets V8 collect what calls make while it is young. For a server that listens already. */
export function keepCallsShortLived(server: Server): void {
  stopAllocatingAmongTheOld();
  if (!isKnownNode) return;
  const listening: unknown = Reflect.get(server, "http2Servers");
  if (!types.isMap(listening)) return;
  for (const http2 of listening.keys()) {
    if (http2 instanceof EventEmitter) http2.on("session", replaceStreams);
  }
}

/**
 * Until it is optimised, code makes closures among the old where it assigns them to a property, as each stream does. So in
 * the first seconds all of a call survives; and of that V8 would conclude, for as long as the process lives, that such
 * things had better be made among the old.
 */
function stopAllocatingAmongTheOld(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}

/** Where its sessions keep their streams, and what it does with them there, was read in this version. */
const isKnownNode = process.versions.node.startsWith("24.");

/** Where a session does not look as expected it is left as it is, and costs more. */
function replaceStreams(session: object): void {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === "state");
  if (key === undefined) return;
  const state: unknown = Reflect.get(session, key);
  if (typeof state !== "object" || state === null || !("streams" in state)) return;
  if (types.isMap(state.streams) && state.streams.size === 0) state.streams = new OpenStreams();
}
