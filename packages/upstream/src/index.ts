export { type FactsNearby, type FactsNearbyOptions, factsNearby } from "./facts-nearby.ts";
export type { UpstreamStub } from "./stub.ts";
