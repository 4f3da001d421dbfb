import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import { IconPencil, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type Acl, aclsQuery, type ObjectRef } from "../api/access.ts";
import { emailBeside, type SubjectKind } from "../api/directory.ts";
import { groupNamesQuery } from "../api/groups.ts";
import { type KnownMember, membersByIdQuery } from "../api/members-by-id.ts";
import { rolesQuery } from "../api/roles.ts";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { EmptyState } from "../ui/states.tsx";
import { kindNames, SubjectIcon } from "../ui/subject-icon.tsx";
import { SubjectPicker } from "../ui/subject-picker.tsx";
import { type DialogSection, rowsFor, ticksOf } from "./dialog-rows.ts";
import { PermissionsDialog } from "./permissions-dialog.tsx";
import { readAcls, type Subject } from "./ticks.ts";

interface ObjectAccessProps {
  readonly object: ObjectRef;
  readonly name: string;
  /** Whose permissions are open: `group:ID` or `user:ID`, as it stands in the URL. */
  readonly open: string | undefined;
  readonly onOpen: (subject: string | undefined) => void;
}

const subjectKinds = ["group", "user", "service_account"] as const;

/** Who was given access to an object itself; a pencil beside each opens what they may do. */
export function ObjectAccess({ object, name, open, onOpen }: ObjectAccessProps) {
  const sections = rowsFor(object);
  const acls = useQuery(aclsQuery(object));
  const opened = open === undefined ? undefined : parseSubject(open);
  const ids = { ...idsIn(acls.data ?? []) };
  const groupIds = opened?.kind === "group" ? [...ids.groups, opened.id] : ids.groups;
  const memberIds =
    opened !== undefined && opened.kind !== "group" ? [...ids.members, opened.id] : ids.members;
  const groupNames = useQuery({ ...groupNamesQuery(groupIds), enabled: groupIds.length > 0 });
  const members = useQuery({ ...membersByIdQuery(memberIds), enabled: memberIds.length > 0 });
  const roles = useQuery(rolesQuery);
  const subjectOf = (kind: "group" | "user", id: string): Subject => {
    if (kind === "group") return { kind, id, name: groupNames.data?.get(id) ?? "…" };
    const member = members.data?.get(id);
    return { kind: member?.kind ?? "user", id, name: member?.label ?? "…" };
  };
  const subjects = [
    ...ids.groups.map((id) => subjectOf("group", id)),
    ...ids.members.map((id) => subjectOf("user", id)),
  ].toSorted((one, other) => one.name.localeCompare(other.name));
  const columns: readonly Column<Subject>[] = [
    {
      header: "Who",
      isName: true,
      width: "35%",
      cell: (subject) => (
        <Group gap="sm" wrap="nowrap">
          <SubjectIcon kind={subject.kind} />
          <div>
            <Text size="sm" fw={500}>
              {subject.name}
            </Text>
            <Text size="xs" className="muted">
              {kindNames[subject.kind]}
              {addressOf(members.data?.get(subject.id))}
            </Text>
          </div>
        </Group>
      ),
    },
    {
      header: "May",
      cell: (subject) => summaryOf(sections, acls.data ?? [], subject, (id) => roleName(roles.data, id)),
    },
    {
      header: "Actions",
      actions: true,
      width: 60,
      cell: (subject) => (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={`Permissions of ${subject.name}`}
          onClick={() => onOpen(textOf(subject))}
        >
          <IconPencil size={18} aria-hidden />
        </ActionIcon>
      ),
    },
  ];
  return (
    <Stack gap="md">
      <SubjectPicker
        label="Give access to"
        description="A group, a member or a service account"
        kinds={subjectKinds}
        onPick={({ kind, id }) => onOpen(textOf({ kind, id }))}
      />
      <DataTable
        caption={`Who was given access to ${name}`}
        query={acls}
        rows={() => subjects}
        rowKey={textOf}
        columns={columns}
        empty={
          <EmptyState icon={IconUsersGroup} title="Nobody was given access here">
            Access from above still counts, such as that of the group Owners. The access explorer shows
            everybody.
          </EmptyState>
        }
      />
      {opened !== undefined && (
        <PermissionsDialog
          opened
          onClose={() => onOpen(undefined)}
          on={name}
          subject={subjectOf(opened.kind === "group" ? "group" : "user", opened.id)}
          sections={sections}
        />
      )}
    </Stack>
  );
}

function addressOf(member: KnownMember | undefined): string {
  const email = member === undefined ? null : emailBeside(member.label, member.email);
  return email === null ? "" : `, ${email}`;
}

function textOf({ kind, id }: { readonly kind: SubjectKind; readonly id: string }): string {
  return `${kind === "group" ? "group" : "user"}:${id}`;
}

function parseSubject(text: string): { readonly kind: "group" | "user"; readonly id: string } | undefined {
  const [, kind, id] = /^(group|user):([0-9a-f-]{36})$/.exec(text) ?? [];
  return id === undefined ? undefined : { kind: kind === "group" ? "group" : "user", id };
}

function idsIn(acls: readonly Acl[]) {
  const distinct = (ids: readonly (string | null)[]) => [...new Set(ids)].filter((id) => id !== null);
  return {
    groups: distinct(acls.map((acl) => acl.group_id)),
    members: distinct(acls.map((acl) => acl.user_id)),
  };
}

/** What somebody holds here, in a line: ticks by their row, then roles. */
function summaryOf(
  sections: readonly DialogSection[],
  acls: readonly Acl[],
  subject: Subject,
  roleName: (id: string) => string,
): string {
  const { ticks, others } = readAcls(sections, acls, subject);
  const isOneRow = sections.flatMap((section) => section.rows).length === 1;
  const byRow = sections.flatMap((section) =>
    section.rows.flatMap((row) => {
      const held = ticksOf([{ title: "", rows: [row] }]).filter((tick) => ticks.get(tick.id) !== "off");
      if (held.length === 0) return [];
      const words = held.map((tick) =>
        ticks.get(tick.id) === "some" ? `${tick.label} in part` : tick.label,
      );
      return [isOneRow ? words.join(", ") : `${row.label}: ${words.join(", ")}`];
    }),
  );
  const rest = others.map((acl) =>
    acl.role_id === null ? "Another grant" : `Role ${roleName(acl.role_id)}`,
  );
  return [...byRow, ...new Set(rest)].join("; ");
}

function roleName(
  roles: readonly { readonly id: string; readonly name: string }[] | undefined,
  id: string,
): string {
  return roles?.find((role) => role.id === id)?.name ?? "…";
}
