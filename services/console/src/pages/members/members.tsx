import { ActionIcon, Badge, Button, Group, Menu, Stack, Tabs, Text } from "@mantine/core";
import { IconDots, IconRobot, IconSearchOff, IconUserPlus, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy } from "react";
import { emailBeside, labelOf, type Member, membersQuery } from "../../api/directory.ts";
import { groupNamesQuery } from "../../api/groups.ts";
import { sessionQuery } from "../../api/session.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { LazyDialog } from "../../ui/lazy-dialog.tsx";
import { MenuItemLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { SearchField } from "../../ui/search-field.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { SubjectIcon } from "../../ui/subject-icon.tsx";
import { When } from "../../ui/time.tsx";

const InviteDialog = lazy(() => import("./invite.tsx").then((code) => ({ default: code.InviteDialog })));
const ServiceAccountDialog = lazy(() =>
  import("./service-account.tsx").then((code) => ({ default: code.ServiceAccountDialog })),
);
const RemoveMemberDialog = lazy(() =>
  import("./remove.tsx").then((code) => ({ default: code.RemoveMemberDialog })),
);

const from = "/signed-in/settings/members";

export function MembersPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/members" });
  const tab = search.tab ?? "people";
  const kind = tab === "people" ? "user" : "service_account";
  const query = useQuery(membersQuery(kind, search));
  const open = (dialog: { invite?: true; remove?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...dialog }) });
  const close = () => void navigate({ search: ({ invite: _i, remove: _r, ...rest }) => rest });
  const isPeople = tab === "people";
  return (
    <Page
      title="Members"
      purpose="People and service accounts that belong to your organization. What each may do is decided by their permission groups."
      actions={
        <Button leftSection={<IconUserPlus size={18} aria-hidden />} onClick={() => open({ invite: true })}>
          {isPeople ? "Invite members" : "Create service account"}
        </Button>
      }
    >
      <Tabs
        value={tab}
        onChange={(value) => void navigate({ search: value === "service-accounts" ? { tab: value } : {} })}
      >
        <Tabs.List>
          <Tabs.Tab value="people" leftSection={<IconUsers size={16} aria-hidden />}>
            People
          </Tabs.Tab>
          <Tabs.Tab value="service-accounts" leftSection={<IconRobot size={16} aria-hidden />}>
            Service accounts
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Stack gap="md">
            <Group justify="space-between">
              <SearchField
                label={isPeople ? "Search people" : "Search service accounts"}
                value={search.q}
                onSearch={(q) =>
                  void navigate({
                    search: ({ q: _q, cursor: _c, ...rest }) => ({ ...rest, ...(q !== undefined && { q }) }),
                    replace: true,
                  })
                }
              />
              <Text size="sm" className="muted" role="status">
                {query.data === undefined ? " " : `${query.data.total.toLocaleString("en")} in all`}
              </Text>
            </Group>
            <MemberTable
              query={query}
              isPeople={isPeople}
              q={search.q}
              onRemove={(id) => open({ remove: id })}
            />
            <Pager current={search.cursor} next={query.isPlaceholderData ? null : query.data?.cursor} />
          </Stack>
        </Tabs.Panel>
      </Tabs>
      <LazyDialog opened={search.invite === true && isPeople}>
        <InviteDialog opened={search.invite === true && isPeople} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={search.invite === true && !isPeople}>
        <ServiceAccountDialog opened={search.invite === true && !isPeople} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={search.remove !== undefined}>
        <RemoveMemberDialog id={search.remove} onClose={close} />
      </LazyDialog>
    </Page>
  );
}

interface MemberTableProps {
  readonly query: ReturnType<typeof useQuery<MembersPage>>;
  readonly isPeople: boolean;
  readonly q: string | undefined;
  readonly onRemove: (id: string) => void;
}

interface MembersPage {
  readonly members: readonly Member[];
  readonly cursor: string | null;
  readonly total: number;
}

function MemberTable({ query, isPeople, q, onRemove }: MemberTableProps) {
  const groupIds = query.data?.members.flatMap((member) => member.group_ids) ?? [];
  const groups = useQuery({ ...groupNamesQuery(groupIds), enabled: groupIds.length > 0 });
  const columns: readonly Column<Member>[] = [
    { header: "Name", isName: true, width: "32%", cell: (member) => <MemberName member={member} /> },
    {
      header: "Permission groups",
      cell: (member) => <GroupBadges ids={member.group_ids} names={groups.data} />,
    },
    { header: "Joined", width: 140, cell: (member) => <When at={member.joined} /> },
    { header: "Last used a key", width: 150, cell: (member) => <When at={member.last_used_at} /> },
    {
      header: "Actions",
      actions: true,
      width: 60,
      cell: (member) => <MemberMenu member={member} onRemove={() => onRemove(member.id)} />,
    },
  ];
  return (
    <DataTable
      caption={isPeople ? "People" : "Service accounts"}
      query={query}
      rows={(data) => data.members}
      rowKey={(member) => member.id}
      columns={columns}
      empty={<NoMembers isPeople={isPeople} q={q} />}
    />
  );
}

function MemberName({ member }: { readonly member: Member }) {
  const label = labelOf(member);
  const email = emailBeside(label, member.email);
  const { data: session } = useQuery(sessionQuery);
  return (
    <Group gap="sm" wrap="nowrap">
      <SubjectIcon kind={member.kind} />
      <div>
        <Text size="sm" fw={500}>
          {label}
          {session?.principal_id === member.id && <span className="muted"> (you)</span>}
        </Text>
        {email !== null && (
          <Text size="xs" className="muted">
            {email}
          </Text>
        )}
      </div>
    </Group>
  );
}

const groupsShown = 3;

function GroupBadges(props: {
  readonly ids: readonly string[];
  readonly names: ReadonlyMap<string, string> | undefined;
}) {
  const { ids, names } = props;
  if (ids.length === 0) return <span className="muted">None</span>;
  return (
    <Group gap={4}>
      {ids.slice(0, groupsShown).map((id) => (
        <Badge key={id} variant="default" tt="none" fw={500}>
          {names?.get(id) ?? "…"}
        </Badge>
      ))}
      {ids.length > groupsShown && <span className="muted small">and {ids.length - groupsShown} more</span>}
    </Group>
  );
}

function MemberMenu({ member, onRemove }: { readonly member: Member; readonly onRemove: () => void }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Actions for ${labelOf(member)}`}>
          <IconDots size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <MenuItemLink to="/access/explorer" search={{ tab: "what", principal: member.id }}>
          What can they access?
        </MenuItemLink>
        <Menu.Item color="red" onClick={onRemove}>
          Remove from the organization
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function NoMembers({ isPeople, q }: { readonly isPeople: boolean; readonly q: string | undefined }) {
  if (q !== undefined) {
    return (
      <EmptyState icon={IconSearchOff} title={`Nobody found for “${q}”`}>
        Names and e-mail addresses are searched. Check the spelling, or look in the other tab.
      </EmptyState>
    );
  }
  return isPeople ? (
    <EmptyState icon={IconUsers} title="Nobody is here yet">
      Invite people by their e-mail addresses.
    </EmptyState>
  ) : (
    <EmptyState icon={IconRobot} title="No service accounts yet">
      A service account is for a program: it has tokens instead of a person who signs in. Owners create it.
    </EmptyState>
  );
}
