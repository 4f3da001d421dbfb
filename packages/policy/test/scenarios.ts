// The stories of scenarios/*.yaml, as data that any door can act out: each names things, never their ids. Within a
// story the order of creation is that of the lists, and everything names only what stands before it.

import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import type { BuiltInGroup, ObjectType, Permission, PrincipalKind, RolePermission } from "../src/index.ts";
import { readStory } from "./story.ts";

export interface Scenario {
  readonly file: string;
  readonly title: string;
  /** The only doors that it can be acted out at; null: at all. */
  readonly only: readonly Door[] | null;
  /** Members of the organisation. */
  readonly principals: readonly NamedPrincipal[];
  /** Principals that are no members. */
  readonly strangers: readonly string[];
  readonly groups: readonly NamedGroup[];
  readonly roles: readonly NamedRole[];
  readonly objects: readonly NewObject[];
  readonly acls: readonly NamedAcl[];
  readonly expectations: readonly Expectation[];
  /** What happens then, one after the other. */
  readonly steps: readonly Step[];
}

/** Ways of asking. `decide` alone can be shown what no write lets in, and another time. */
export type Door = "decide" | "grpc" | "rest";

export interface NamedPrincipal {
  readonly name: string;
  readonly kind: PrincipalKind;
}

export interface NamedGroup {
  readonly name: string;
  /** A built-in group is there already, and only its members are given. */
  readonly builtIn: BuiltInGroup | null;
  readonly members: readonly string[];
  readonly memberGroups: readonly string[];
}

export interface NamedRole {
  readonly name: string;
  readonly permissions: readonly RolePermission[];
  /** System roles among them. */
  readonly memberRoles: readonly string[];
}

/** Faces of the organisation have no name; a project's log has the project's. */
export interface NamedObject {
  readonly type: ObjectType;
  readonly name: string | null;
}

export interface NewObject {
  readonly object: NamedObject;
  readonly parent: NamedObject;
  readonly alsoUnder: readonly NamedObject[];
  readonly publicRead?: true;
}

export interface NamedAcl {
  readonly subject: { readonly kind: "principal" | "group"; readonly name: string };
  readonly on: NamedObject;
  readonly grant:
    | {
        readonly kind: "permission";
        readonly permission: Permission;
        readonly restrictObjectType: ObjectType | null;
      }
    | { readonly kind: "role"; readonly name: string };
  /** From now, in milliseconds; negative: past. Null: never. */
  readonly expiresInMs: number | null;
}

export interface Expectation {
  /** The sentence that it stands for. */
  readonly text: string;
  readonly who: string;
  readonly allowed: boolean;
  readonly permission: Permission;
  readonly target: NamedTarget;
}

export type NamedTarget =
  | { readonly kind: "object"; readonly object: NamedObject }
  | { readonly kind: "place"; readonly type: ObjectType; readonly parent: NamedObject };

export interface Step {
  readonly changes: readonly Change[];
  readonly expectations: readonly Expectation[];
}

export type Change =
  | { readonly kind: "add_principal_to_group"; readonly principal: string; readonly group: string }
  | { readonly kind: "remove_principal_from_group"; readonly principal: string; readonly group: string }
  | { readonly kind: "add_group_to_group"; readonly member: string; readonly group: string }
  | { readonly kind: "remove_group_from_group"; readonly member: string; readonly group: string }
  | { readonly kind: "remove_member"; readonly principal: string }
  | { readonly kind: "delete_group"; readonly group: string }
  | { readonly kind: "delete_role"; readonly role: string }
  | { readonly kind: "change_role"; readonly role: NamedRole }
  | { readonly kind: "create_object"; readonly object: NewObject }
  | { readonly kind: "delete_object"; readonly object: NamedObject }
  | { readonly kind: "set_public"; readonly object: NamedObject; readonly isPublic: boolean }
  | {
      readonly kind: "list_project" | "unlist_project";
      readonly project: NamedObject;
      readonly by: NamedObject;
    }
  | { readonly kind: "grant"; readonly acl: NamedAcl }
  | { readonly kind: "withdraw"; readonly acl: NamedAcl };

/** All stories, in the order of their file names. */
export function loadScenarios(): readonly Scenario[] {
  const folder = new URL("../scenarios/", import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => readStory(file, parse(readFileSync(new URL(file, folder), "utf8"))));
}
