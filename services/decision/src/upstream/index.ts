import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { NoteUse } from "@portcullis/checks";
import type { FactOwners, FactSource, Follows } from "@portcullis/facts";
import type { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { heads } from "./heads.ts";
import { newsTeller } from "./listen-for-news.ts";
import { load } from "./load.ts";
import { readLog } from "./read-log.ts";
import { recordUses } from "./record-uses.ts";

export interface UpstreamParts {
  readonly source: FactSource;
  readonly follows: Follows;
  readonly owners: FactOwners;
  readonly noteUse: NoteUse;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/** What those are told who decide beside an application; all handlers of that contract. */
export function upstreamHandlers(parts: UpstreamParts): Handlers<typeof UpstreamService> {
  return {
    load: (request, call) => load(parts.source, request, call),
    heads: (request, call) => heads(parts, request, call),
    readLog: (request, call) => readLog(parts.owners, request, call),
    listenForNews: newsTeller(parts),
    recordUses: (request, call) => recordUses(parts.noteUse, request, call),
  };
}
