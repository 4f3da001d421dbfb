import { ActionIcon, Menu, Table } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { objectQuery, type ProjectKind } from "../../api/objects.ts";
import { isProjectKind } from "../../permissions/dialog-rows.ts";
import { ObjectAccess } from "../../permissions/object-access.tsx";
import { typeNames } from "../../permissions/words.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { AnchorLink, MenuItemLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { ErrorState, NotFoundState, PageSkeleton } from "../../ui/states.tsx";
import { At } from "../../ui/time.tsx";

const from = "/signed-in/projects/$projectId/$objectType/$objectId";

export function ObjectPage() {
  const { projectId, objectType, objectId } = useParams({ from });
  if (!isProjectKind(objectType)) return <NotFoundState page />;
  return <Known key={objectId} {...{ projectId, type: objectType, id: objectId }} />;
}

interface KnownProps {
  readonly projectId: string;
  readonly type: ProjectKind;
  readonly id: string;
}

function Known({ projectId, type, id }: KnownProps) {
  const { permissions, subject } = useSearch({ from });
  const navigate = useNavigate({ from: "/projects/$projectId/$objectType/$objectId" });
  const object = useQuery(objectQuery(type, id));
  const project = useQuery(objectQuery("project", projectId));
  if (object.error !== null)
    return <ErrorState page error={object.error} reset={() => void object.refetch()} />;
  if (object.data === undefined) return <PageSkeleton />;
  const { name, created, description } = object.data;
  const noun = typeNames[type];
  const open = (subject?: string) =>
    void navigate({ search: { permissions: true, ...(subject !== undefined && { subject }) } });
  return (
    <Page
      title={name}
      purpose={description ?? `${noun} in the project ${project.data?.name ?? ""}`}
      above={
        <AnchorLink to="/projects/$projectId" params={{ projectId }} search={{ tab: type }}>
          {project.data?.name ?? "Project"}
        </AnchorLink>
      }
      actions={
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="default" size={36} aria-label={`Actions for ${name}`}>
              <IconDots size={18} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => open()}>Permissions</Menu.Item>
            <MenuItemLink to="/access/explorer" search={{ tab: "who", type, project: projectId, object: id }}>
              Who has access?
            </MenuItemLink>
          </Menu.Dropdown>
        </Menu>
      }
    >
      <Table variant="vertical" layout="fixed" withTableBorder>
        <Table.Tbody>
          <Table.Tr>
            <Table.Th w={140}>Kind</Table.Th>
            <Table.Td>{noun}</Table.Td>
          </Table.Tr>
          <Table.Tr>
            <Table.Th>Created</Table.Th>
            <Table.Td>
              <At at={created} />
            </Table.Td>
          </Table.Tr>
          <Table.Tr>
            <Table.Th>Id</Table.Th>
            <Table.Td>{id}</Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
      <Dialog
        title={`Permissions of ${name}`}
        opened={permissions === true}
        onClose={() => void navigate({ search: {} })}
        size="lg"
      >
        <ObjectAccess object={{ type, id }} name={name} open={subject} onOpen={open} />
      </Dialog>
    </Page>
  );
}
