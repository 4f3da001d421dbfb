// A plan for people, and for scripts.

import type { Paint } from "../paint.ts";
import { tableText } from "../table.ts";
import { isNone } from "./difference.ts";
import { aclText, differenceText, type Labels, labelsOf, shownAtom, shownDifference } from "./labels.ts";
import type { Plan } from "./plan.ts";
import { changesMax } from "./simulation.ts";

/** As many rows as are shown to people; --json tells all. */
const rowsMax = 50;

export function planText(plan: Plan, paint: Paint): string {
  const labels = labelsOf(plan.organization, plan.paths);
  const parts = [
    isNone(plan.difference) ? "nothing to do" : differenceText(plan.difference, labels, paint),
    ...(isNone(plan.difference) ? [] : [simulationText(plan, labels, paint)]),
  ];
  if (plan.unmanaged.length > 0) {
    parts.push(
      paint("dim", `${plan.unmanaged.length} more are not in the file and stay; --prune would remove them`),
    );
  }
  return parts.join("\n\n");
}

/** Empty: there is none. */
export function driftText(plan: Plan, paint: Paint): string {
  if (plan.drift === null || isNone(plan.drift)) return "";
  const labels = labelsOf(plan.organization, plan.paths);
  return `changed since by others:\n${differenceText(plan.drift, labels, paint)}`;
}

export function shownPlan(plan: Plan) {
  return {
    organization: plan.organization.name,
    difference: shownDifference(plan.difference),
    drift: plan.drift === null ? null : shownDifference(plan.drift),
    simulation: plan.simulated,
    not_simulated: plan.leftOut.map(shownAtom),
    unmanaged: plan.unmanaged.map(shownAtom),
  };
}

function simulationText({ simulated, leftOut, changes }: Plan, labels: Labels, paint: Paint): string {
  if (simulated === null) {
    return `who gains and loses is not known: these are ${changes.length} changes, and no more than ${changesMax} can be simulated`;
  }
  const { differences, cut_off } = simulated;
  const lines =
    differences.length === 0
      ? ["nobody gains or loses access to what there is"]
      : [
          tableText(
            ["WHO", "ON", "GAINS", "LOSES"],
            differences
              .map(({ principal_id, object, gained, lost }) => [
                labels.principal(principal_id),
                labels.object(object),
                gained.join(", "),
                lost.join(", "),
              ])
              .toSorted((one, other) => (one.join("\0") < other.join("\0") ? -1 : 1))
              .slice(0, rowsMax),
            paint,
          ),
        ];
  if (differences.length > rowsMax) lines.push(`and ${differences.length - rowsMax} more; --json tells all`);
  if (cut_off.length > 0)
    lines.push(paint("yellow", `not looked at beyond the limit of ${cut_off.join(", ")}`));
  for (const acl of leftOut) {
    if (acl.kind === "acl") lines.push(`also, on what is made: ${aclText(acl, labels)}`);
  }
  return lines.join("\n");
}
