import { Text } from "@mantine/core";
import { IconBriefcase } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type KeptObject, objectsQuery } from "../../api/objects.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { AnchorLink, ButtonLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { When } from "../../ui/time.tsx";

const columns: readonly Column<KeptObject>[] = [
  {
    header: "Name",
    isName: true,
    width: "60%",
    cell: (project) => (
      <div>
        <AnchorLink fw={500} to="/projects/$projectId" params={{ projectId: project.id }}>
          {project.name}
        </AnchorLink>
        {typeof project.description === "string" && (
          <Text size="xs" className="muted">
            {project.description}
          </Text>
        )}
      </div>
    ),
  },
  { header: "Created", cell: (project) => <When at={project.created} /> },
  {
    header: "Actions",
    actions: true,
    cell: (project) => (
      <ButtonLink
        size="compact-sm"
        variant="default"
        to="/projects/$projectId/configuration/permissions"
        params={{ projectId: project.id }}
        aria-label={`Permissions of ${project.name}`}
      >
        Permissions
      </ButtonLink>
    ),
  },
];

export function ProjectsPage() {
  const { after } = useSearch({ from: "/signed-in/projects" });
  const query = useQuery(objectsQuery("project", { after }));
  return (
    <Page
      title="Projects"
      purpose="The projects that you may read. Open one to see what is in it and who may use it."
    >
      <DataTable
        caption="Projects"
        query={query}
        rows={(data) => data.objects}
        rowKey={(project) => project.id}
        columns={columns}
        empty={
          <EmptyState icon={IconBriefcase} title="No projects that you may read">
            Projects are made by your platform's SDKs and services. You see one here as soon as you may read
            it.
          </EmptyState>
        }
      />
      <Pager name="after" current={after} next={query.isPlaceholderData ? null : query.data?.next} />
    </Page>
  );
}
