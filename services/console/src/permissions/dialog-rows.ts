// The one table of what permission dialogs show: each tick stands for some ACLs, read and written by it alone.

import type { ObjectType, Permission } from "@portcullis/policy";
import type { ObjectRef } from "../api/access.ts";
import { type ProjectKind, projectKinds } from "../api/objects.ts";
import { accessPermissions, typeNames, typePlurals } from "./words.ts";

/** What an ACL grants on which object, whoever it is for. */
export interface Grant {
  readonly object: ObjectRef;
  readonly permission: Permission;
  readonly restrict: ObjectType | null;
}

/** One thing to tick. */
export interface Tick {
  readonly id: string;
  readonly label: string;
  readonly grants: readonly Grant[];
  /** In which column it stands, from 1 on. */
  readonly column: number;
  /** A tick that gives this and more; while it is set, this one can't be taken away here. */
  readonly within?: string;
}

export interface DialogRow {
  readonly id: string;
  readonly label: string;
  readonly help?: string;
  readonly ticks: readonly Tick[];
}

export interface DialogSection {
  readonly title: string;
  readonly rows: readonly DialogRow[];
}

/** The columns of rows that are about objects. */
const columns = [
  { id: "read", label: "Read", permissions: ["read"] },
  { id: "create", label: "Create", permissions: ["create"] },
  { id: "update", label: "Update", permissions: ["update"] },
  { id: "delete", label: "Delete", permissions: ["delete"] },
  { id: "access", label: "Manage access", permissions: accessPermissions },
] as const satisfies readonly { id: string; label: string; permissions: readonly Permission[] }[];

type ColumnId = (typeof columns)[number]["id"];

/** The tick that makes its holder a super-user. */
export const manageAccessTick = "organization/manage-access";

/** What a group or somebody may do in the whole organisation. */
export function organizationRows(orgId: string): readonly DialogSection[] {
  const on = (type: ObjectType): ObjectRef => ({ type, id: orgId });
  const organization = on("organization");
  const single = (row: Omit<DialogRow, "ticks">, grants: readonly Grant[]): DialogRow => ({
    ...row,
    ticks: [{ id: row.id, label: row.label, grants, column: 1 }],
  });
  return [
    {
      title: "Organization",
      rows: [
        single(
          {
            id: "organization/settings",
            label: "Manage settings",
            help: "Change the settings of the organization",
          },
          [{ object: organization, permission: "update", restrict: "organization" }],
        ),
        single(
          {
            id: "organization/members",
            label: "Manage members",
            help: "Invite people into the organization",
          },
          [{ object: organization, permission: "create", restrict: "org_member" }],
        ),
        single(
          {
            id: "organization/remove-members",
            label: "Remove members",
            help: "Remove people from the organization",
          },
          [{ object: organization, permission: "delete", restrict: "org_member" }],
        ),
        single(
          {
            id: manageAccessTick,
            label: "Manage access",
            help: "Give and take all access, to anybody and to themselves",
          },
          accessPermissions.map((permission) => ({ object: organization, permission, restrict: null })),
        ),
        single({ id: "organization/audit-logs", label: "Read audit logs", help: "See who changed what" }, [
          { object: on("org_audit_logs"), permission: "read", restrict: null },
        ]),
      ],
    },
    {
      title: "Projects",
      rows: [
        row(
          "all-projects",
          { label: "All projects", help: "Those that are there and those to come, with everything in them" },
          on("org_project"),
          null,
        ),
      ],
    },
  ];
}

/** A project and the kinds of things in it. */
export function projectRows(projectId: string): readonly DialogSection[] {
  const project: ObjectRef = { type: "project", id: projectId };
  const kinds = ["experiment", "dataset", "project_log", "prompt", "prompt_session"] as const;
  return [
    {
      title: "This project",
      rows: [
        row(
          "everything",
          { label: "Everything", help: "The project and all that is in it, kinds to come included" },
          project,
          null,
        ),
        row(
          "project",
          { label: "Project", help: "The project itself: its name and settings" },
          project,
          "project",
          { leaveOut: ["create"], within: "everything" },
        ),
        ...kinds.map((kind) =>
          row(kind, { label: typePlurals[kind] }, project, kind, { within: "everything" }),
        ),
      ],
    },
  ];
}

/** One experiment, dataset, prompt or playground. */
export function objectRows(object: ObjectRef): readonly DialogSection[] {
  const label = `This ${typeNames[object.type].toLowerCase()}`;
  return [{ title: label, rows: [row("object", { label }, object, null, { leaveOut: ["create"] })] }];
}

/** A permission group as an object: who may see, change and delete it. */
export function groupRows(groupId: string): readonly DialogSection[] {
  const group: ObjectRef = { type: "group", id: groupId };
  const help = "Update lets them change its name and its members";
  return [
    {
      title: "This group",
      rows: [row("object", { label: "This group", help }, group, null, { leaveOut: ["create"] })],
    },
  ];
}

/** The dialog's rows for any object that has permissions of its own here. */
export function rowsFor(object: ObjectRef): readonly DialogSection[] {
  if (object.type === "organization") return organizationRows(object.id);
  if (object.type === "project") return projectRows(object.id);
  if (object.type === "group") return groupRows(object.id);
  return objectRows(object);
}

export function isProjectKind(type: string): type is ProjectKind {
  return (projectKinds as readonly string[]).includes(type);
}

export function ticksOf(sections: readonly DialogSection[]): readonly Tick[] {
  return sections.flatMap((section) => section.rows.flatMap((each) => each.ticks));
}

/** The objects whose ACLs a dialog reads. */
export function objectsOf(sections: readonly DialogSection[]): readonly ObjectRef[] {
  const grants = ticksOf(sections).flatMap((tick) => tick.grants);
  return [...new Map(grants.map(({ object }) => [`${object.type} ${object.id}`, object])).values()];
}

interface RowOptions {
  /** Columns that make no sense here. */
  readonly leaveOut?: readonly ColumnId[];
  /** The row that gives all of this and more. */
  readonly within?: string;
}

function row(
  id: string,
  about: Pick<DialogRow, "label" | "help">,
  object: ObjectRef,
  restrict: ObjectType | null,
  { leaveOut = [], within }: RowOptions = {},
): DialogRow {
  return {
    id,
    ...about,
    ticks: columns
      .filter((column) => !leaveOut.includes(column.id))
      .map((column) => ({
        id: `${id}/${column.id}`,
        label: column.label,
        grants: column.permissions.map((permission) => ({ object, permission, restrict })),
        column: columns.indexOf(column) + 1,
        ...(within !== undefined && { within: `${within}/${column.id}` }),
      })),
  };
}
