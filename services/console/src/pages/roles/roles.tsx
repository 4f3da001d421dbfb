import { ActionIcon, Badge, Button, Group, List, Menu, Text } from "@mantine/core";
import { IconDots, IconId, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type Role, rolesQuery } from "../../api/roles.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { legible } from "../../ui/legible.ts";
import { Page } from "../../ui/page.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { DeleteRoleDialog } from "./delete-role.tsx";
import { RoleDialog } from "./role-dialog.tsx";
import { permissionsByType } from "./role-matrix.ts";

const from = "/signed-in/settings/roles";

export function RolesPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/roles" });
  const query = useQuery(rolesQuery);
  const roles = query.data ?? [];
  const close = () => void navigate({ search: {} });
  const byId = (id: string | undefined) => roles.find((role) => role.id === id);
  const columns: readonly Column<Role>[] = [
    { header: "Name", isName: true, width: "30%", cell: (role) => <RoleName role={role} /> },
    { header: "Gives", cell: (role) => <Gives role={role} /> },
    { header: "Includes", width: "22%", cell: (role) => <Includes role={role} roles={roles} /> },
    {
      header: "Actions",
      actions: true,
      width: 60,
      cell: (role) =>
        role.org_id !== null && (
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Actions for ${role.name}`}>
                <IconDots size={18} aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => void navigate({ search: { edit: role.id } })}>Edit</Menu.Item>
              <Menu.Item color="red" onClick={() => void navigate({ search: { remove: role.id } })}>
                Delete
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        ),
    },
  ];
  return (
    <Page
      title="Roles"
      purpose="A role is a set of permissions with a name. Give it to a group, and a change of the role reaches everybody who has it."
      actions={
        <Button
          leftSection={<IconPlus size={18} aria-hidden />}
          onClick={() => void navigate({ search: { create: true } })}
        >
          Create role
        </Button>
      }
    >
      <DataTable
        caption="Roles"
        query={query}
        rows={(data) => data.toSorted(systemFirst)}
        rowKey={(role) => role.id}
        columns={columns}
        empty={
          <EmptyState icon={IconId} title="No roles that you can see">
            You see roles as soon as somebody gives you access to anything.
          </EmptyState>
        }
      />
      <RoleDialog
        key={search.edit ?? "new"}
        opened={search.create === true || byId(search.edit) !== undefined}
        role={byId(search.edit) ?? null}
        roles={roles}
        onClose={close}
      />
      <DeleteRoleDialog role={byId(search.remove)} onClose={close} />
    </Page>
  );
}

function RoleName({ role }: { readonly role: Role }) {
  return (
    <div>
      <Group gap="xs">
        <Text size="sm" fw={500}>
          {legible(role.name)}
        </Text>
        {role.org_id === null && (
          <Badge size="sm" variant="default" tt="none" title="Every organization has it; it can't be changed">
            Built in
          </Badge>
        )}
      </Group>
      {role.description !== null && role.description !== "" && (
        <Text size="xs" className="muted">
          {role.description}
        </Text>
      )}
    </div>
  );
}

function Gives({ role }: { readonly role: Role }) {
  const lines = permissionsByType(role.member_permissions);
  if (lines.length === 0) return <span className="muted">Nothing by itself</span>;
  return (
    <List size="sm" listStyleType="none">
      {lines.map(({ on, what }) => (
        <List.Item key={on}>
          {what} <span className="muted">on {on}</span>
        </List.Item>
      ))}
    </List>
  );
}

/** Roles that it holds, with what those hold in turn. */
function Includes({ role, roles }: { readonly role: Role; readonly roles: readonly Role[] }) {
  if (role.member_roles.length === 0) return <span className="muted">No other role</span>;
  const known = role.member_roles.flatMap((id) => roles.find((one) => one.id === id) ?? []);
  return (
    <List size="sm" listStyleType="none" withPadding={false}>
      {known.map((one) => (
        <List.Item key={one.id}>
          {one.name}
          {one.member_roles.length > 0 && (
            <span className="muted">
              , which includes{" "}
              {one.member_roles.map((id) => roles.find((inner) => inner.id === id)?.name ?? "…").join(", ")}
            </span>
          )}
        </List.Item>
      ))}
    </List>
  );
}

function systemFirst(one: Role, other: Role): number {
  const rank = Number(one.org_id !== null) - Number(other.org_id !== null);
  return rank === 0 ? one.name.localeCompare(other.name) : rank;
}
