import { invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import { type Access, may, noSuchObject, objectRef } from "../../access.ts";
import { anyText, id, maybe } from "../../input.ts";
import type { Owners } from "../../owners.ts";
import { type Route, route } from "../../route.ts";
import { datasetKind } from "../dataset.ts";
import { experimentKind } from "../experiment.ts";
import { projectKind } from "../project.ts";
import type { ObjectKind } from "../registered-object.ts";
import { Registry, show } from "./registry.ts";

const filters = {
  id: maybe(id),
  project_id: maybe(id),
  project_name: maybe(anyText),
  org_id: maybe(id),
  org_name: maybe(anyText),
} as const;

const shownProject = projectKind.shown;

/** Questions that SDKs put when they open what is there: lists of what fits and may be read. */
export function lookupRoutes(owners: Owners, access: Access): readonly Route[] {
  const registry = new Registry(owners, access);

  function lookup<Shown>(
    kind: ObjectKind<Shown>,
    nameField: "project_name" | "experiment_name" | "dataset_name",
  ): Route {
    return route({
      method: "POST",
      path: `/api/${kind.noun}/get`,
      summary: `Find ${kind.noun}s by id or name`,
      body: z.object({ ...filters, name: maybe(anyText), [nameField]: maybe(anyText) }),
      response: z.array(kind.shown),
      requires: () => may("organization.read"),
      async handle({ body }, caller) {
        const given = body as Readonly<Record<string, string | undefined>>;
        const inProject = kind.type !== "project";
        const objects = await registry.find(
          {
            type: kind.type,
            ids: given["id"] === undefined ? [] : [given["id"]],
            name: given[nameField] ?? given["name"],
            ...(inProject && given["project_id"] !== undefined && { project: { id: given["project_id"] } }),
            ...(inProject && { projectName: given["project_name"] }),
          },
          caller,
        );
        return { body: objects.map((object) => show(kind, object)) };
      },
    });
  }

  return [
    lookup(projectKind, "project_name"),
    lookup(experimentKind, "experiment_name"),
    lookup(datasetKind, "dataset_name"),
    route({
      method: "GET",
      path: "/api/project",
      summary: "Get a project by its id",
      query: z.object({ id, org_name: anyText.optional() }),
      response: shownProject.and(z.object({ project: shownProject })),
      requires: ({ query }) => may("object.read", objectRef("project", query.id)),
      async handle({ query }, caller) {
        const [found] = await registry.find({ type: "project", ids: [query.id] }, caller);
        if (found === undefined) throw noSuchObject();
        const project = show(projectKind, found);
        return { body: { ...project, project } };
      },
    }),
    route({
      method: "POST",
      path: "/api/base_experiment/get_id",
      summary: "Tell what an experiment is compared with",
      body: z.object({ id, org_id: maybe(id), org_name: maybe(anyText) }),
      response: z.object({ base_exp_id: z.uuid(), base_exp_name: z.string() }),
      requires: ({ body }) => may("object.read", objectRef("experiment", body.id)),
      async handle({ body }, caller) {
        const [experiment] = await registry.find({ type: "experiment", ids: [body.id] }, caller);
        if (experiment === undefined) throw noSuchObject();
        const baseId = show(experimentKind, experiment).base_exp_id;
        const [base] =
          baseId === null ? [] : await registry.find({ type: "experiment", ids: [baseId] }, caller);
        // The SDK takes this for "with none".
        if (base === undefined) throw invalid("id", "has no base experiment");
        return { body: { base_exp_id: base.id, base_exp_name: base.name } };
      },
    }),
  ];
}
