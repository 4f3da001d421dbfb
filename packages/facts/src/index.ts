export { chunksOf } from "./chunks.ts";
export { factKeyFromText, factKeyText } from "./fact-key.ts";
export { FollowInRedis } from "./follow-in-redis.ts";
export { Follows, type Moment, type News } from "./follows.ts";
export { type Consistency, minimizeLatency } from "./freshness.ts";
export { fromOwners } from "./from-owners.ts";
export { inRedis } from "./in-redis.ts";
export { joined } from "./joined.ts";
export { FactMemory } from "./memory.ts";
export { factReads, type Layer, watchFollows } from "./metrics.ts";
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
export {
  entriesMax,
  type FactOwner,
  type FactOwners,
  type FactRequest,
  type FactSource,
  type HeadDemand,
  type Heads,
  type LoadedFact,
  type LogEntry,
  type LogStretch,
  type OwnersLogs,
} from "./source.ts";
export { valueOf } from "./value-of.ts";
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
