import { invalid } from "@portcullis/chassis/fault";
import type { Object as ObjectMessage } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, may, objectRef } from "../../access.ts";
import type { Caller } from "../../caller.ts";
import { anyText, id, jsonObject, maybe, name } from "../../input.ts";
import type { Owners } from "../../owners.ts";
import { type Route, route } from "../../route.ts";
import { renames } from "../../wire.ts";
import { datasetFields, datasetKind } from "../dataset.ts";
import { experimentFields, experimentKind } from "../experiment.ts";
import { projectKind } from "../project.ts";
import { type Made, Registry, show } from "./registry.ts";

// SDKs send what their version knows, so a key that is not known here is no mistake.

const inProject = { project_id: maybe(id), project_name: maybe(name) } as const;

const organization = { org_id: maybe(id), org_name: maybe(anyText) } as const;

const namesProject = ({ project_id, project_name }: z.output<z.ZodObject<typeof inProject>>) =>
  project_id !== undefined || project_name !== undefined;
const noProject = { path: ["project_name"], message: "is required, or project_id" };

const projectBody = z.object({ project_name: name, ...organization });

const experimentBody = z
  .object({
    ...inProject,
    ...organization,
    ...experimentFields,
    experiment_name: maybe(name),
    /** Go on with the experiment of that name, if there is one. Otherwise a new one gets a name like it. */
    update: maybe(z.boolean()),
    ensure_new: maybe(z.boolean()),
    base_experiment: maybe(name),
    /** To compare with an experiment of one of them: the SDK's own affair, so known and of no effect. */
    ancestor_commits: maybe(z.array(z.string())),
    repo_info: maybe(jsonObject),
  })
  .refine(namesProject, noProject);

const datasetBody = z
  .object({ ...inProject, ...organization, ...datasetFields, dataset_name: maybe(name) })
  .refine(namesProject, noProject);

const shownProject = projectKind.shown;

const fieldOf = renames(
  [/^object\.name$/, "name"],
  [/^object\.parent(\.id)?$/, "project_id"],
  [/^object\.payload_json.*/, "body"],
);

/** What there is already of what a request names, as far as the caller may read it. */
interface Standing {
  readonly project: ObjectMessage | null;
  readonly object: ObjectMessage | null;
}

/** Projects, experiments and datasets by name, as the SDKs' `init` calls want them: found, or else made. */
export function registrationRoutes(owners: Owners, access: Access): readonly Route[] {
  const registry = new Registry(owners, access);

  /** The project that a request names: null when it is to be made. */
  async function projectOf(
    named: { readonly project_id?: string | undefined; readonly project_name?: string | undefined },
    caller: Caller,
  ): Promise<ObjectMessage | null> {
    const wanted =
      named.project_id === undefined ? { name: named.project_name } : { ids: [named.project_id] };
    const [project] = await registry.find({ type: "project", ...wanted }, caller);
    if (project === undefined && named.project_id !== undefined)
      throw invalid("project_id", "no such object");
    return project ?? null;
  }

  /** What a registration takes: to read what is there, to create what is not. */
  function requirement(type: "experiment" | "dataset", { project, object }: Standing, caller: Caller) {
    if (project === null) return registry.mayMake("project", undefined, caller);
    if (object !== null) return may("object.read", objectRef(type, object.id));
    return registry.mayMake(type, project, caller);
  }

  /** Both, each found or made. */
  async function register(
    type: "experiment" | "dataset",
    standing: Standing,
    wanted: {
      readonly projectName: string | undefined;
      readonly name: string;
      readonly ensureNew: boolean;
      readonly payload: Readonly<Record<string, unknown>>;
    },
    caller: Caller,
  ): Promise<{ readonly project: Made; readonly object: Made }> {
    const found = (object: ObjectMessage): Made => ({ object, foundExisting: true, revision: undefined });
    const project =
      standing.project === null
        ? await registry.make(
            { type: "project", name: wanted.projectName ?? "", payload: {}, ensureNew: false },
            caller,
          )
        : found(standing.project);
    if (standing.object !== null) return { project, object: found(standing.object) };
    // Not judged before, as there was no project to judge it in.
    if (standing.project === null) {
      await access.demand(caller, [registry.mayMake(type, project.object, caller)]);
    }
    const { name: wantedName, ensureNew, payload } = wanted;
    const object = await registry.make(
      { type, project: project.object, name: wantedName, ensureNew, payload },
      caller,
    );
    return { project, object };
  }

  return [
    route({
      method: "POST",
      path: "/api/project/register",
      summary: "Find a project by name, or create it",
      body: projectBody,
      response: z.object({ project: shownProject, found_existing: z.boolean() }),
      find: ({ body }, caller) => projectOf(body, caller),
      requires: ({ found }, caller) =>
        found === null
          ? registry.mayMake("project", undefined, caller)
          : may("object.read", objectRef("project", found.id)),
      async handle({ body, found }, caller) {
        const { object, foundExisting, revision } =
          found === null
            ? await registry.make(
                { type: "project", name: body.project_name, payload: {}, ensureNew: false },
                caller,
              )
            : { object: found, foundExisting: true, revision: undefined };
        return {
          body: { project: show(projectKind, object), found_existing: foundExisting },
          foundExisting,
          revisions: [revision],
        };
      },
      fieldOf,
    }),
    route({
      method: "POST",
      path: "/api/experiment/register",
      summary: "Begin an experiment, or go on with one, in a project that is created if need be",
      body: experimentBody,
      response: z.object({
        project: shownProject,
        experiment: experimentKind.shown,
        found_existing: z.boolean(),
      }),
      async find({ body }, caller) {
        const project = await projectOf(body, caller);
        const named = (wanted: string | undefined) =>
          project === null || wanted === undefined
            ? []
            : registry.find({ type: "experiment", project, name: wanted }, caller);
        const [object] = body.update === true ? await named(body.experiment_name) : [];
        const [base] = await named(body.base_experiment);
        // The SDK knows this text, and asks again without.
        if (body.base_experiment !== undefined && base === undefined) {
          throw invalid("base_experiment", "no such base experiment");
        }
        return { project, object: object ?? null, base };
      },
      requires: ({ found }, caller) => requirement("experiment", found, caller),
      async handle({ body, found }, caller) {
        const payload = Object.fromEntries(
          Object.keys(experimentFields).map((field) => [field, body[field as keyof typeof experimentFields]]),
        );
        const { project, object } = await register(
          "experiment",
          found,
          {
            projectName: body.project_name,
            name: body.experiment_name ?? "experiment",
            ensureNew: body.update !== true || body.experiment_name === undefined,
            payload: { ...payload, ...(found.base !== undefined && { base_exp_id: found.base.id }) },
          },
          caller,
        );
        return {
          body: {
            project: show(projectKind, project.object),
            experiment: show(experimentKind, object.object),
            found_existing: object.foundExisting,
          },
          foundExisting: object.foundExisting,
          revisions: [project.revision, object.revision],
        };
      },
      fieldOf,
    }),
    route({
      method: "POST",
      path: "/api/dataset/register",
      summary: "Find a dataset by name, or create it, in a project that is created if need be",
      body: datasetBody,
      response: z.object({ project: shownProject, dataset: datasetKind.shown, found_existing: z.boolean() }),
      async find({ body }, caller) {
        const project = await projectOf(body, caller);
        if (project === null || body.dataset_name === undefined) return { project, object: null };
        const wanted = { type: "dataset", project, name: body.dataset_name } as const;
        const [object] = await registry.find(wanted, caller);
        return { project, object: object ?? null };
      },
      requires: ({ found }, caller) => requirement("dataset", found, caller),
      async handle({ body, found }, caller) {
        const { description, tags, metadata } = body;
        const { project, object } = await register(
          "dataset",
          found,
          {
            projectName: body.project_name,
            name: body.dataset_name ?? "dataset",
            ensureNew: body.dataset_name === undefined,
            payload: { description, tags, metadata },
          },
          caller,
        );
        return {
          body: {
            project: show(projectKind, project.object),
            dataset: show(datasetKind, object.object),
            found_existing: object.foundExisting,
          },
          foundExisting: object.foundExisting,
          revisions: [project.revision, object.revision],
        };
      },
      fieldOf,
    }),
  ];
}
