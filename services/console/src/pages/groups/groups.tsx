import { ActionIcon, Badge, Button, Group, Menu, Stack, Text } from "@mantine/core";
import { IconDots, IconPlus, IconSearchOff, IconSitemap, IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy } from "react";
import { type GroupSummary, groupsQuery } from "../../api/groups.ts";
import { sessionQuery } from "../../api/session.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { LazyDialog } from "../../ui/lazy-dialog.tsx";
import { legible } from "../../ui/legible.ts";
import { AnchorLink, ButtonLink, MenuItemLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { SearchField } from "../../ui/search-field.tsx";
import { EmptyState } from "../../ui/states.tsx";

const CreateGroupDialog = lazy(() =>
  import("./create.tsx").then((code) => ({ default: code.CreateGroupDialog })),
);
const DeleteGroupDialog = lazy(() =>
  import("./delete.tsx").then((code) => ({ default: code.DeleteGroupDialog })),
);
const GroupPermissionsDialog = lazy(() =>
  import("./permissions.tsx").then((code) => ({ default: code.GroupPermissionsDialog })),
);

const from = "/signed-in/settings/groups";

type Opened = { create?: true } | { permissions?: string } | { remove?: string };

export function GroupsPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/groups" });
  const query = useQuery(groupsQuery(search));
  const open = (dialog: Opened) => void navigate({ search: (before) => ({ ...before, ...dialog }) });
  const close = () =>
    void navigate({ search: ({ create: _c, permissions: _p, remove: _r, ...rest }) => rest });
  const columns: readonly Column<GroupSummary>[] = [
    { header: "Name", isName: true, width: "40%", cell: (group) => <GroupName group={group} /> },
    {
      header: "Members",
      cell: (group) => (
        <AnchorLink to="/settings/groups/$groupId" params={{ groupId: group.id }}>
          {count(group.member_count, "member")}
          {group.member_group_ids.length > 0 && `, ${count(group.member_group_ids.length, "group")}`}
        </AnchorLink>
      ),
    },
    {
      header: "Actions",
      actions: true,
      cell: (group) => (
        <Group gap={4} justify="flex-end">
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Permissions of ${group.name}`}
            onClick={() => open({ permissions: group.id })}
          >
            Permissions
          </Button>
          <ButtonLink
            size="compact-sm"
            variant="default"
            to="/settings/groups/$groupId"
            params={{ groupId: group.id }}
            search={{ tab: "access" }}
            aria-label={`Group access of ${group.name}`}
          >
            Group access
          </ButtonLink>
          <GroupMenu group={group} onRemove={() => open({ remove: group.id })} />
        </Group>
      ),
    },
  ];
  return (
    <Page
      title="Permission groups"
      purpose="Give permissions to groups rather than to people: who joins a group may do what it may, who leaves it no longer does."
      actions={
        <>
          <ButtonLink
            variant="default"
            to="/settings/groups/picture"
            leftSection={<IconSitemap size={18} aria-hidden />}
          >
            Picture
          </ButtonLink>
          <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => open({ create: true })}>
            Create permission group
          </Button>
        </>
      }
    >
      <Stack gap="md">
        <Group justify="space-between">
          <SearchField
            label="Search permission groups"
            value={search.q}
            onSearch={(q) => void navigate({ search: q === undefined ? {} : { q }, replace: true })}
          />
          <Text size="sm" className="muted" role="status">
            {query.data === undefined ? " " : `${query.data.total.toLocaleString("en")} in all`}
          </Text>
        </Group>
        <DataTable
          caption="Permission groups"
          query={query}
          rows={(data) => data.groups}
          rowKey={(group) => group.id}
          columns={columns}
          empty={<NoGroups q={search.q} />}
        />
        <Pager current={search.cursor} next={query.isPlaceholderData ? null : query.data?.cursor} />
      </Stack>
      <LazyDialog opened={search.create === true}>
        <CreateGroupDialog opened={search.create === true} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={search.permissions !== undefined}>
        <GroupPermissionsDialog id={search.permissions} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={search.remove !== undefined}>
        <DeleteGroupDialog id={search.remove} onClose={close} />
      </LazyDialog>
    </Page>
  );
}

function GroupName({ group }: { readonly group: GroupSummary }) {
  return (
    <div>
      <Group gap="xs">
        <AnchorLink fw={500} to="/settings/groups/$groupId" params={{ groupId: group.id }}>
          {legible(group.name)}
        </AnchorLink>
        {group.built_in && (
          <Badge size="sm" variant="default" tt="none" title="Every organization has it; it can't be deleted">
            Built in
          </Badge>
        )}
      </Group>
      {group.description !== null && group.description !== "" && (
        <Text size="xs" className="muted" lineClamp={2}>
          {group.description}
        </Text>
      )}
    </div>
  );
}

function GroupMenu({ group, onRemove }: { readonly group: GroupSummary; readonly onRemove: () => void }) {
  const { data: session } = useQuery(sessionQuery);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Actions for ${group.name}`}>
          <IconDots size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <MenuItemLink to="/settings/groups/$groupId" params={{ groupId: group.id }}>
          Open
        </MenuItemLink>
        <MenuItemLink to="/access/review" search={{ group: group.id }}>
          Review its access
        </MenuItemLink>
        {!group.built_in && session !== undefined && (
          <Menu.Item color="red" onClick={onRemove}>
            Delete
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function NoGroups({ q }: { readonly q: string | undefined }) {
  return q === undefined ? (
    <EmptyState icon={IconUsersGroup} title="No permission groups that you can see">
      You see groups as soon as somebody gives you access to anything.
    </EmptyState>
  ) : (
    <EmptyState icon={IconSearchOff} title={`No group found for “${q}”`}>
      Check the spelling, or create a group of this name.
    </EmptyState>
  );
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
