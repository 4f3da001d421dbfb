export { factKeyText } from "./fact-key.ts";
export { FollowInRedis } from "./follow-in-redis.ts";
export { Follows } from "./follows.ts";
export { type Consistency, minimizeLatency } from "./freshness.ts";
export { fromOwners } from "./from-owners.ts";
export { inRedis } from "./in-redis.ts";
export { joined } from "./joined.ts";
export { FactMemory } from "./memory.ts";
export { type Answer, type Asker, FactReader, type Facts } from "./reader.ts";
export { RedisSlots } from "./redis-slots.ts";
export {
  decodeRevision,
  encodeRevision,
  historyOf,
  mergeRevisions,
  type Revision,
  type Seen,
} from "./revision.ts";
export type { FactOwner, FactOwners, FactSource, LoadedFact, LogEntry, LogStretch } from "./source.ts";
export {
  type Fact,
  factFromWire,
  factKeyFromWire,
  factKeyToWire,
  factToWire,
  logEntryFromWire,
  objectFromWire,
  objectToWire,
  objectTypeFromWire,
  revisionFromWire,
} from "./wire.ts";
