export { type ActedStory, actOut } from "./acted-story.ts";
export { type Gate, openGate } from "./gate.ts";
export { History, type Observation } from "./history.ts";
export { type Rest, type RestAnswer, restClient } from "./rest.ts";
export { type Sidecar, startSidecar } from "./sidecar.ts";
export { type ServiceName, type System, type SystemOptions, startSystem } from "./system.ts";
export { makeTeam, type Team } from "./team.ts";
