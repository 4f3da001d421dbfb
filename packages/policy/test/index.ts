export { judge, type OneTarget, type Verdict } from "./oracle.ts";
export {
  lookupOf,
  type ObjectText,
  type OrganizationFacts,
  objectOf,
  objectText,
  type WholeAccess,
} from "./organization-facts.ts";
export { sampling } from "./sampling.ts";
export * from "./scenarios.ts";
export { type Stage, setStage } from "./stage.ts";
export { questionsAbout, targetsIn, type World, worlds } from "./worlds.ts";
