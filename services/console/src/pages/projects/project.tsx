import { Tabs } from "@mantine/core";
import { IconInbox, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import {
  type KeptObject,
  objectQuery,
  objectsQuery,
  type ProjectKind,
  projectKinds,
} from "../../api/objects.ts";
import { typePlurals } from "../../permissions/words.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { AnchorLink, ButtonLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { EmptyState, ErrorState, PageSkeleton } from "../../ui/states.tsx";
import { When } from "../../ui/time.tsx";

const from = "/signed-in/projects/$projectId";

export function ProjectPage() {
  const { projectId } = useParams({ from });
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/projects/$projectId" });
  const project = useQuery(objectQuery("project", projectId));
  const tab = search.tab ?? "experiment";
  if (project.error !== null)
    return <ErrorState page error={project.error} reset={() => void project.refetch()} />;
  if (project.data === undefined) return <PageSkeleton />;
  return (
    <Page
      title={project.data.name}
      purpose={project.data.description ?? "What is in this project, as far as you may read it."}
      above={<AnchorLink to="/projects">Projects</AnchorLink>}
      actions={
        <ButtonLink
          variant="default"
          to="/projects/$projectId/configuration/permissions"
          params={{ projectId }}
          leftSection={<IconLock size={18} aria-hidden />}
        >
          Permissions
        </ButtonLink>
      }
    >
      <Tabs
        value={tab}
        onChange={(value) => {
          const wanted = projectKinds.find((kind) => kind === value);
          void navigate({ search: wanted === undefined || wanted === "experiment" ? {} : { tab: wanted } });
        }}
      >
        <Tabs.List>
          {projectKinds.map((kind) => (
            <Tabs.Tab key={kind} value={kind}>
              {typePlurals[kind]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Contents key={tab} projectId={projectId} kind={tab} after={search.after} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

interface ContentsProps {
  readonly projectId: string;
  readonly kind: ProjectKind;
  readonly after: string | undefined;
}

function Contents({ projectId, kind, after }: ContentsProps) {
  const query = useQuery(objectsQuery(kind, { project: projectId, after }));
  const columns: readonly Column<KeptObject>[] = [
    {
      header: "Name",
      isName: true,
      width: "70%",
      cell: (object) => (
        <AnchorLink
          fw={500}
          to="/projects/$projectId/$objectType/$objectId"
          params={{ projectId, objectType: kind, objectId: object.id }}
        >
          {object.name}
        </AnchorLink>
      ),
    },
    { header: "Created", cell: (object) => <When at={object.created} /> },
  ];
  const plural = typePlurals[kind].toLowerCase();
  return (
    <>
      <DataTable
        caption={typePlurals[kind]}
        query={query}
        rows={(data) => data.objects}
        rowKey={(object) => object.id}
        columns={columns}
        empty={
          <EmptyState icon={IconInbox} title={`No ${plural} that you may read`}>
            They appear here when they are made by the SDKs and when you may read them.
          </EmptyState>
        }
      />
      <Pager name="after" current={after} next={query.isPlaceholderData ? null : query.data?.next} />
    </>
  );
}
