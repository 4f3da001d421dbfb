// A world as those who keep relations want it.

import type { World } from "../world.ts";

/** A type, and an id of it. */
export interface Thing {
  readonly type: "user" | "group" | "organization" | "project" | "experiment";
  readonly id: string;
}

/** That the subject, or all who have the relation to it that is named, have this relation to the object. */
export interface Relation {
  readonly object: Thing;
  readonly relation: "member" | "parent" | "reader";
  readonly subject: Thing & { readonly relation?: "member" };
}

export function relationsOf({ orgId, contents }: World): Relation[] {
  const { groups, projects, rules } = contents;
  return [
    ...groups.flatMap((group) => [
      ...group.users.map((id) => member(group.id, { type: "user", id })),
      ...group.groups.map((id) => member(group.id, { type: "group", id, relation: "member" })),
    ]),
    ...projects.flatMap(({ id, experiments }) => [
      parent({ type: "project", id }, { type: "organization", id: orgId }),
      ...experiments.map((experiment) =>
        parent({ type: "experiment", id: experiment }, { type: "project", id }),
      ),
    ]),
    ...rules.map(({ group, project }): Relation => {
      const subject = { type: "group", id: group, relation: "member" } as const;
      return { object: { type: "project", id: project }, relation: "reader", subject };
    }),
  ];
}

function member(group: string, subject: Relation["subject"]): Relation {
  return { object: { type: "group", id: group }, relation: "member", subject };
}

function parent(object: Thing, subject: Thing): Relation {
  return { object, relation: "parent", subject };
}
