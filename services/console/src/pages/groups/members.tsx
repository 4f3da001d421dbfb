import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import { IconMinus, IconSearchOff, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { emailBeside, labelOf, type SubjectKind } from "../../api/directory.ts";
import { groupMembersQuery, groupNamesQuery, type Group as PermissionGroup } from "../../api/groups.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { AnchorLink } from "../../ui/links.tsx";
import { SearchField } from "../../ui/search-field.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { kindNames, SubjectIcon } from "../../ui/subject-icon.tsx";
import { SubjectPicker } from "../../ui/subject-picker.tsx";
import type { MembershipChange } from "./membership.tsx";

interface MembersProps {
  readonly group: PermissionGroup;
  readonly mayChange: boolean;
  readonly onChange: (change: MembershipChange) => void;
}

interface Row {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
}

const from = "/signed-in/settings/groups/$groupId";

/** Who is in a group: people, service accounts and nested groups. */
export function Members({ group, mayChange, onChange }: MembersProps) {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/groups/$groupId" });
  const members = useQuery(groupMembersQuery(group.id, search));
  const nested = useQuery({
    ...groupNamesQuery(group.member_groups),
    enabled: group.member_groups.length > 0,
  });
  const isFirstPage = search.cursor === undefined && search.q === undefined;
  const nestedRows = group.member_groups
    .map((id): Row => ({ kind: "group", id, name: nested.data?.get(id) ?? "…", email: null }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
  const columns: readonly Column<Row>[] = [
    { header: "Name", isName: true, width: "55%", cell: (row) => <Name row={row} /> },
    {
      header: "Kind",
      cell: (row) => (row.kind === "group" ? "Nested group: all of its members" : kindNames[row.kind]),
    },
    {
      header: "Actions",
      actions: true,
      width: 60,
      cell: (row) =>
        mayChange && (
          <ActionIcon
            variant="subtle"
            color="red"
            size="lg"
            title="Remove from this group"
            aria-label={`Remove ${row.name} from ${group.name}`}
            onClick={() => onChange({ does: "leaves", ...row })}
          >
            <IconMinus size={18} aria-hidden />
          </ActionIcon>
        ),
    },
  ];
  return (
    <Stack gap="md">
      {mayChange && (
        <SubjectPicker
          label="Add to this group"
          description="A member, a service account, or another group with all of its members"
          kinds={["user", "service_account", "group"]}
          without={new Set([group.id, ...group.member_users, ...group.member_groups])}
          onPick={(entry) =>
            onChange({ does: "joins", kind: entry.kind, id: entry.id, name: labelOf(entry) })
          }
        />
      )}
      <Group justify="space-between">
        <SearchField
          label="Search the members"
          value={search.q}
          onSearch={(q) => void navigate({ search: q === undefined ? {} : { q }, replace: true })}
        />
        <Text size="sm" className="muted">
          {group.member_users.length.toLocaleString("en")} directly in this group
        </Text>
      </Group>
      <DataTable
        caption={`Members of ${group.name}`}
        query={members}
        rows={(data) => [
          ...(isFirstPage ? nestedRows : []),
          ...data.members.map((member): Row => ({ ...member, name: labelOf(member) })),
        ]}
        rowKey={(row) => row.id}
        columns={columns}
        empty={<NoMembers q={search.q} />}
      />
      <Pager current={search.cursor} next={members.isPlaceholderData ? null : members.data?.cursor} />
    </Stack>
  );
}

function Name({ row }: { readonly row: Row }) {
  const email = emailBeside(row.name, row.email);
  return (
    <Group gap="sm" wrap="nowrap">
      <SubjectIcon kind={row.kind} />
      <div>
        {row.kind === "group" ? (
          <AnchorLink fw={500} to="/settings/groups/$groupId" params={{ groupId: row.id }}>
            {row.name}
          </AnchorLink>
        ) : (
          <Text size="sm" fw={500}>
            {row.name}
          </Text>
        )}
        {email !== null && (
          <Text size="xs" className="muted">
            {email}
          </Text>
        )}
      </div>
    </Group>
  );
}

function NoMembers({ q }: { readonly q: string | undefined }) {
  return q === undefined ? (
    <EmptyState icon={IconUsersGroup} title="Nobody is in this group">
      Its permissions are of no use until somebody joins it.
    </EmptyState>
  ) : (
    <EmptyState icon={IconSearchOff} title={`Nobody found for “${q}”`}>
      Only those who are directly in this group are searched.
    </EmptyState>
  );
}
