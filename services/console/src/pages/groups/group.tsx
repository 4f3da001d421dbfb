import { ActionIcon, Button, Menu, Stack, Tabs, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, useState } from "react";
import { ownPermissionsQuery } from "../../api/access.ts";
import { groupQuery, type Group as PermissionGroup } from "../../api/groups.ts";
import { ObjectAccess } from "../../permissions/object-access.tsx";
import { LazyDialog } from "../../ui/lazy-dialog.tsx";
import { legible } from "../../ui/legible.ts";
import { AnchorLink, MenuItemLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { ErrorState, PageSkeleton } from "../../ui/states.tsx";
import { Members } from "./members.tsx";
import { type MembershipChange, MembershipDialog } from "./membership.tsx";

const GroupPermissionsDialog = lazy(() =>
  import("./permissions.tsx").then((code) => ({ default: code.GroupPermissionsDialog })),
);
const DeleteGroupDialog = lazy(() =>
  import("./delete.tsx").then((code) => ({ default: code.DeleteGroupDialog })),
);
const EditGroupDialog = lazy(() => import("./edit.tsx").then((code) => ({ default: code.EditGroupDialog })));

const from = "/signed-in/settings/groups/$groupId";

export function GroupPage() {
  const { groupId } = useParams({ from });
  const group = useQuery(groupQuery(groupId));
  if (group.error !== null) return <ErrorState page error={group.error} reset={() => void group.refetch()} />;
  if (group.data === undefined) return <PageSkeleton />;
  // What was begun for one group is not gone on with for the next.
  return <Loaded key={groupId} group={group.data} />;
}

const tabs = [
  { value: "members", label: "Members" },
  { value: "access", label: "Group access" },
] as const;

function Loaded({ group }: { readonly group: PermissionGroup }) {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/groups/$groupId" });
  const own = useQuery(ownPermissionsQuery({ type: "group", id: group.id }));
  const [change, setChange] = useState<MembershipChange | null>(null);
  const [isDeleting, setDeleting] = useState(false);
  const tab = search.tab ?? "members";
  const may = (permission: "update" | "delete") => own.data?.includes(permission) === true;
  const close = () => void navigate({ search: ({ edit: _e, permissions: _p, ...rest }) => rest });
  return (
    <Page
      title={legible(group.name)}
      purpose={group.description ?? "A permission group: its members may do what the group may do."}
      above={<AnchorLink to="/settings/groups">Permission groups</AnchorLink>}
      actions={
        <>
          <Button
            variant="default"
            onClick={() => void navigate({ search: (b) => ({ ...b, permissions: true }) })}
          >
            Permissions
          </Button>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="default" size={36} aria-label={`Actions for ${group.name}`}>
                <IconDots size={18} aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                disabled={!may("update")}
                onClick={() => void navigate({ search: (b) => ({ ...b, edit: true }) })}
              >
                Edit name and description
              </Menu.Item>
              <MenuItemLink to="/access/review" search={{ group: group.id }}>
                Review its access
              </MenuItemLink>
              <Menu.Item color="red" disabled={!may("delete")} onClick={() => setDeleting(true)}>
                Delete
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      }
    >
      <Tabs
        value={tab}
        onChange={(value) => {
          const wanted = tabs.find((one) => one.value === value)?.value;
          void navigate({ search: wanted === undefined || wanted === "members" ? {} : { tab: wanted } });
        }}
      >
        <Tabs.List>
          {tabs.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          {tab === "members" && <Members group={group} mayChange={may("update")} onChange={setChange} />}
          {tab === "access" && (
            <Stack gap="sm">
              <Text size="sm" className="muted">
                Who may see this group, change it and its members, delete it, or decide who may.
              </Text>
              <ObjectAccess
                object={{ type: "group", id: group.id }}
                name={group.name}
                open={search.subject}
                onOpen={(subject) =>
                  void navigate({
                    search: ({ subject: _s, ...rest }) => ({
                      ...rest,
                      ...(subject !== undefined && { subject }),
                    }),
                  })
                }
              />
            </Stack>
          )}
        </Tabs.Panel>
      </Tabs>
      <MembershipDialog group={group} change={change} onClose={() => setChange(null)} />
      <LazyDialog opened={search.permissions === true}>
        <GroupPermissionsDialog id={search.permissions === true ? group.id : undefined} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={search.edit === true}>
        <EditGroupDialog group={group} opened={search.edit === true} onClose={close} />
      </LazyDialog>
      <LazyDialog opened={isDeleting}>
        <DeleteGroupDialog
          id={isDeleting ? group.id : undefined}
          onClose={() => setDeleting(false)}
          onDeleted={() => void navigate({ to: "/settings/groups" })}
        />
      </LazyDialog>
    </Page>
  );
}
