// Whether whoever applies a plan may make all of its writes: asked before the first one.

import { Fault } from "@portcullis/chassis/fault";
import type { Permission } from "@portcullis/policy";
import { z } from "zod";
import type { ObjectRef } from "../lookup.ts";
import type { Rest } from "../rest.ts";
import type { Labels } from "./labels.ts";
import type { Organization } from "./organization.ts";
import type { Step } from "./step.ts";

/** A question about oneself, as `/v1/access/batch-check` takes it. */
type Demand =
  | { readonly permission: Permission; readonly object: ObjectRef }
  | {
      readonly permission: "create";
      readonly place: { readonly type: "group" | "role"; readonly parent: ObjectRef };
    };

/** What the steps take. On what they make themselves it can't be asked. */
export function demandsOf(
  steps: readonly Step[],
  { id, groups, roles }: Pick<Organization, "id" | "groups" | "roles">,
): readonly Demand[] {
  const demands = new Map<string, Demand>();
  const demand = (given: Demand) => demands.set(JSON.stringify(given), given);
  const onThing = (permission: Permission, type: "group" | "role", name: string) => {
    const thing = (type === "group" ? groups : roles).get(name);
    if (thing !== undefined) demand({ permission, object: { type, id: thing.id } });
  };
  const make = (type: "group" | "role") =>
    demand({ permission: "create", place: { type, parent: { type: "organization", id } } });
  for (const step of steps) {
    switch (step.do) {
      case "remove_acls":
      case "add_acls": {
        const permission = step.do === "add_acls" ? "create_acls" : "delete_acls";
        for (const { on } of step.acls) {
          if (on.type === "group" || on.type === "role") onThing(permission, on.type, on.key);
          else demand({ permission, object: { type: on.type, id: on.key } });
        }
        break;
      }
      case "create_group":
        make("group");
        break;
      case "create_role":
        make("role");
        break;
      case "update_group":
        onThing("update", "group", step.group);
        break;
      case "delete_group":
        onThing("delete", "group", step.group);
        break;
      case "update_role":
        onThing("update", "role", step.role);
        break;
      case "delete_role":
        onThing("delete", "role", step.role);
        break;
    }
  }
  return [...demands.values()];
}

const answered = z.object({ results: z.array(z.object({ allowed: z.boolean() })) });
const checksMax = 1000;

export async function checkRights(
  rest: Rest,
  steps: readonly Step[],
  organization: Organization,
  labels: Labels,
): Promise<void> {
  const demands = demandsOf(steps, organization);
  for (let at = 0; at < demands.length; at += checksMax) {
    const checks = demands.slice(at, at + checksMax);
    const question = { checks, consistency: { fully_consistent: {} } };
    const { results } = (await rest.send(answered, "POST", "/v1/access/batch-check", question)).body;
    const missing = checks.find((_check, index) => results[index]?.allowed !== true);
    if (missing === undefined) continue;
    const where =
      "object" in missing
        ? `${missing.permission} on ${labels.object(missing.object)}`
        : `create ${missing.place.type}s`;
    throw new Fault("denied", `not allowed: the plan takes ${where}`);
  }
}
