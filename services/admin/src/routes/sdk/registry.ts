// What SDKs ask for by name: they know a project or an experiment by what it is called, and want it made if it isn't there.

import { type ObjectRef, type ObjectType, objectTypeRow } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { NewObject, Object as ObjectMessage } from "@portcullis/proto/grants/v1/grants";
import { type Access, type Demand, may, objectRef } from "../../access.ts";
import type { Caller } from "../../caller.ts";
import { ownerOfNew } from "../../organization-settings.ts";
import type { Owners } from "../../owners.ts";
import { present } from "../../wire.ts";
import type { ObjectKind } from "../registered-object.ts";

/** By id, by name, or all of them. */
export interface Wanted {
  readonly type: ObjectType;
  readonly ids?: readonly string[];
  readonly name?: string | undefined;
  readonly project?: { readonly id: string } | undefined;
  readonly projectName?: string | undefined;
}

export interface Made {
  readonly object: ObjectMessage;
  readonly foundExisting: boolean;
  readonly revision: Revision | undefined;
}

const readMax = 1000;

export class Registry {
  readonly #owners: Pick<Owners, "grants" | "identity">;
  readonly #access: Access;

  constructor(owners: Pick<Owners, "grants" | "identity">, access: Access) {
    this.#owners = owners;
    this.#access = access;
  }

  /** Those that the caller may read, newest first. */
  async find(wanted: Wanted, caller: Caller): Promise<readonly ObjectMessage[]> {
    const { type, ids, name, project, projectName } = wanted;
    const { objects } = await this.#owners.grants.listObjects(
      {
        orgId: caller.org,
        type,
        page: { limit: readMax, startingAfter: "", endingBefore: "" },
        parent: project === undefined ? undefined : { type: "project", id: project.id },
        ids: [...(ids ?? [])],
        names: name === undefined ? [] : [name],
        slugs: [],
        projectNames: projectName === undefined ? [] : [projectName],
      },
      caller.hop,
    );
    const refs = objects.map((object) => objectRef(type, object.id));
    const allowed = await this.#access.allowed(caller, "read", refs);
    return objects.filter((_object, index) => allowed[index] === true);
  }

  /** What it takes to make one: in a project, or else in the organisation. */
  mayMake(type: ObjectType, project: { readonly id: string } | undefined, caller: Caller): Demand {
    return may("object.create", { type, parent: parentOf(type, project, caller) });
  }

  /** Makes it, or answers the one that is called so, if the caller may read that. */
  async make(
    wanted: Pick<NewObject, "name"> & {
      readonly type: ObjectType;
      readonly project?: { readonly id: string };
      readonly payload: Readonly<Record<string, unknown>>;
      readonly ensureNew: boolean;
    },
    caller: Caller,
  ): Promise<Made> {
    const { type, name, project, payload, ensureNew } = wanted;
    const parent = parentOf(type, project, caller);
    const made = await this.#owners.grants.createObject(
      {
        context: caller.context,
        orgId: caller.org,
        object: { type, parent, name, slug: "", payloadJson: JSON.stringify(payload), memberProjectIds: [] },
        ownerId: await ownerOfNew(this.#owners.identity, caller),
        ensureNew,
      },
      caller.hop,
    );
    const object = present(made.object);
    if (made.foundExisting) {
      const knownTo = [this.mayMake(type, project, caller)];
      await this.#access.demand(caller, [may("object.read", objectRef(type, object.id), { knownTo })]);
    }
    return { object, foundExisting: made.foundExisting, revision: made.revision };
  }
}

function parentOf(type: ObjectType, project: { readonly id: string } | undefined, caller: Caller): ObjectRef {
  return project === undefined
    ? objectRef(objectTypeRow(type).parent ?? "organization", caller.org)
    : objectRef("project", project.id);
}

/** An object in the words of its kind. */
export function show<Shown>(kind: ObjectKind<Shown>, object: ObjectMessage): Shown {
  return kind.show(object, JSON.parse(object.payloadJson || "{}") as Record<string, unknown>);
}
