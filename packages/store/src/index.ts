export { auditHandlers } from "./audit-service.ts";
export { Database, type DatabaseOptions, type Write, type Written } from "./database.ts";
export type { Change } from "./event-log.ts";
export { factsHandlers, ownLog, type ReadFacts } from "./facts-service.ts";
export { type Follower, type FollowerOptions, startFollower } from "./follower.ts";
export { listPage, pageMax } from "./listing.ts";
export { type OtherLogs, otherLogs } from "./other-logs.ts";
export { type RelayOptions, startRelay } from "./relay.ts";
export { snapshotOf } from "./snapshot.ts";
