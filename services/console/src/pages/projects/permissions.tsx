import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { objectQuery } from "../../api/objects.ts";
import { ObjectAccess } from "../../permissions/object-access.tsx";
import { AnchorLink, ButtonLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { ErrorState, PageSkeleton } from "../../ui/states.tsx";

const from = "/signed-in/projects/$projectId/configuration/permissions";

export function ProjectPermissionsPage() {
  const { projectId } = useParams({ from });
  const { subject } = useSearch({ from });
  const navigate = useNavigate({ from: "/projects/$projectId/configuration/permissions" });
  const project = useQuery(objectQuery("project", projectId));
  if (project.error !== null)
    return <ErrorState page error={project.error} reset={() => void project.refetch()} />;
  if (project.data === undefined) return <PageSkeleton />;
  return (
    <Page
      title={`Permissions of ${project.data.name}`}
      purpose="Who was given access to this project and to what is in it. Find a group, a member or a service account, then choose what they may do."
      above={
        <AnchorLink to="/projects/$projectId" params={{ projectId }}>
          {project.data.name}
        </AnchorLink>
      }
      actions={
        <>
          <ButtonLink variant="default" to="/access/review" search={{ project: projectId }}>
            Review access
          </ButtonLink>
          <ButtonLink
            variant="default"
            to="/access/explorer"
            search={{ tab: "who", type: "project", object: projectId }}
          >
            Who has access?
          </ButtonLink>
        </>
      }
    >
      <ObjectAccess
        object={{ type: "project", id: projectId }}
        name={project.data.name}
        open={subject}
        onOpen={(opened) => void navigate({ search: opened === undefined ? {} : { subject: opened } })}
      />
    </Page>
  );
}
