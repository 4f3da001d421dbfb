// Objects that have names, and how the facade lists them.

import { type ObjectType, objectTypeRow } from "@portcullis/policy";

interface ObjectKind {
  readonly path: string;
  /** The parameter by which one of them is asked for. */
  readonly nameParameter: string;
  /** By which field it is named among its kin; a project's own log is named by the project. */
  readonly nameField: "name" | "slug";
  /** The field that tells the project that it lies in; null: in none. */
  readonly inProject: "project_id" | null;
}

const project = {
  path: "/v1/project",
  nameParameter: "project_name",
  nameField: "name",
  inProject: null,
} as const satisfies ObjectKind;

export const objectKinds: Readonly<Partial<Record<ObjectType, ObjectKind>>> = {
  project,
  project_log: project,
  project_group: {
    path: "/v1/project_group",
    nameParameter: "project_group_name",
    nameField: "name",
    inProject: null,
  },
  ai_secret: { path: "/v1/ai_secret", nameParameter: "ai_secret_name", nameField: "name", inProject: null },
  experiment: {
    path: "/v1/experiment",
    nameParameter: "experiment_name",
    nameField: "name",
    inProject: "project_id",
  },
  dataset: {
    path: "/v1/dataset",
    nameParameter: "dataset_name",
    nameField: "name",
    inProject: "project_id",
  },
  prompt: { path: "/v1/prompt", nameParameter: "slug", nameField: "slug", inProject: "project_id" },
  prompt_session: {
    path: "/v1/access/playground",
    nameParameter: "playground_name",
    nameField: "name",
    inProject: "project_id",
  },
};

/** Whether the organisation's id names it: there is but one. */
export function isFace(type: ObjectType): boolean {
  return type === "organization" || objectTypeRow(type).idOf === "organization";
}
