// Projects and what is in them.

import type { ObjectType } from "@portcullis/policy";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { typeNames } from "../permissions/words.ts";
import { legible } from "../ui/legible.ts";
import type { ObjectRef } from "./access.ts";
import { getByIds } from "./by-ids.ts";
import { get } from "./http.ts";

export interface KeptObject {
  readonly id: string;
  readonly name: string;
  readonly description?: string | null;
  readonly project_id?: string | null;
  readonly created: string | null;
  readonly public?: boolean | null;
}

/** Kinds of objects that have pages of their own under a project. */
export const projectKinds = ["experiment", "dataset", "prompt", "prompt_session"] as const;
export type ProjectKind = (typeof projectKinds)[number];

const paths: Readonly<Partial<Record<ObjectType, string>>> = {
  project: "/v1/project",
  experiment: "/v1/experiment",
  dataset: "/v1/dataset",
  prompt: "/v1/prompt",
  prompt_session: "/v1/access/playground",
  group: "/v1/group",
  role: "/v1/role",
  project_group: "/v1/project_group",
  ai_secret: "/v1/ai_secret",
};

const pageSize = 50;
/** Lists to choose from end here; who has more types an id. */
export const choicesMax = 1000;

interface Listed {
  readonly objects: readonly KeptObject[];
  /** Behind which object the next page begins; null where none is left. */
  readonly next: string | null;
}

export function objectsQuery(
  type: "project" | ProjectKind,
  asked: { readonly project?: string; readonly after?: string | undefined; readonly limit?: number } = {},
) {
  const { project, after, limit = pageSize } = asked;
  return queryOptions({
    queryKey: ["objects", type, project, after, limit],
    async queryFn({ signal }): Promise<Listed> {
      const { objects } = await get<{ objects: readonly KeptObject[] }>(paths[type] ?? "", {
        query: { project_id: project, starting_after: after, limit: limit + 1 },
        signal,
      });
      const shown = objects.slice(0, limit);
      return { objects: shown, next: objects.length > limit ? (shown.at(-1)?.id ?? null) : null };
    },
    placeholderData: keepPreviousData,
  });
}

export function objectQuery(type: "project" | ProjectKind, id: string) {
  return queryOptions({
    queryKey: ["object", type, id],
    queryFn: ({ signal }) => get<KeptObject>(`${paths[type]}/${encodeURIComponent(id)}`, { signal }),
  });
}

/** Names of objects of any types, by `type id`; those that one may not read are left out. */
export function objectNamesQuery(refs: readonly ObjectRef[]) {
  const wanted = [...new Set(refs.map(keyOf))].toSorted();
  return queryOptions({
    queryKey: ["object names", wanted],
    staleTime: 60_000,
    async queryFn({ signal }) {
      const names = new Map<string, string>();
      await Promise.all(
        [...idsByType(refs)].map(async ([type, ids]) => {
          const path = paths[type === "project_log" ? "project" : type];
          if (path === undefined) return;
          for (const { id, name } of await getByIds<KeptObject>(path, ids, signal)) {
            names.set(keyOf({ type, id }), legible(name));
          }
        }),
      );
      return names;
    },
  });
}

export function keyOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}

const faces: Readonly<Partial<Record<ObjectType, string>>> = {
  organization: "The organization itself",
  org_member: "The list of members",
  org_audit_logs: "The audit log",
  org_project: "All projects",
};

/** What an object is called: its type and its name, or the end of its id where nobody knows a name. */
export function objectLabel(ref: ObjectRef, names: ReadonlyMap<string, string> | undefined): string {
  const face = faces[ref.type];
  if (face !== undefined) return face;
  const name = names?.get(keyOf(ref));
  if (ref.type === "project_log") return name === undefined ? "Logs of a project" : `Logs of ${name}`;
  return `${typeNames[ref.type]} ${name ?? `…${ref.id.slice(-6)}`}`;
}

function idsByType(refs: readonly ObjectRef[]): ReadonlyMap<ObjectType, readonly string[]> {
  const byType = new Map<ObjectType, Set<string>>();
  for (const { type, id } of refs) byType.set(type, (byType.get(type) ?? new Set()).add(id));
  return new Map([...byType].map(([type, ids]) => [type, [...ids]]));
}
