import { Alert, Group, Stack, Text, Title } from "@mantine/core";
import type { Permission } from "@portcullis/policy";
import { IconCheck, IconX, IconZoomQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type Explanation, explainQuery, type ObjectRef } from "../../api/access.ts";
import { sessionQuery } from "../../api/session.ts";
import { permissionNames } from "../../permissions/words.ts";
import { EmptyState, ErrorState, ListSkeleton } from "../../ui/states.tsx";
import { objectAsked, useAsked } from "./asked.ts";
import { ObjectField, PermissionField, PrincipalField, TypeField } from "./fields.tsx";
import { linksOfMiss, linksOfPath } from "./links-of-path.ts";
import { PathPicture } from "./path-picture.tsx";

/** Why somebody may do something, or where the way to it breaks. */
export function WhyTab() {
  const { data: session } = useQuery(sessionQuery);
  const asked = useAsked();
  const object = session === undefined ? null : objectAsked(asked, session.org_id);
  return (
    <Stack gap="md">
      <Group align="flex-end" gap="sm">
        <PrincipalField value={asked.principal} onChange={(principal) => asked.ask({ principal })} />
        <PermissionField
          value={asked.permission}
          type={asked.type}
          onChange={(permission) => asked.ask({ permission })}
        />
        <TypeField
          label="Kind of object"
          value={asked.type}
          onChange={(type) => asked.ask({ type, object: undefined, project: undefined })}
        />
        <ObjectField {...asked} onChange={(change) => asked.ask(change)} />
      </Group>
      {asked.principal === undefined || object === null ? (
        <EmptyState icon={IconZoomQuestion} title="Choose somebody and an object">
          Then the way by which they have access is drawn, or where it breaks if they have none.
        </EmptyState>
      ) : (
        <Answer principal={asked.principal} object={object} />
      )}
    </Stack>
  );
}

function Answer({ principal, object }: { readonly principal: string; readonly object: ObjectRef }) {
  const { permission } = useAsked();
  const { data, error, refetch } = useQuery(explainQuery({ principal_id: principal, permission, object }));
  if (error !== null) return <ErrorState error={error} reset={() => void refetch()} />;
  if (data === undefined) return <ListSkeleton rows={3} />;
  const asked = { type: object.type, id: object.id, name: null };
  return (
    <Stack gap="md">
      <Alert
        role="status"
        color={data.allowed ? "teal" : "red"}
        icon={data.allowed ? <IconCheck aria-hidden /> : <IconX aria-hidden />}
        title={data.allowed ? "Allowed" : "Denied"}
      >
        {sentenceOf(data, permission)}
      </Alert>
      {data.allowed && data.paths.length > 0 && (
        <section aria-label="Ways that allow it">
          <Title order={2} size="h4" mb="xs">
            {data.paths.length === 1 ? "The way" : `${data.paths.length} ways; each alone would do`}
          </Title>
          <Stack gap="sm">
            {data.paths.map((path, index) => (
              <PathPicture key={index} links={linksOfPath(data.principal, path)} />
            ))}
          </Stack>
          {data.paths_cut && <Text className="muted">There are more ways than these.</Text>}
        </section>
      )}
      {!data.allowed && data.nearest.length > 0 && (
        <section aria-label="What came nearest">
          <Title order={2} size="h4" mb="xs">
            What came nearest, and where it breaks
          </Title>
          <Stack gap="sm">
            {data.nearest.map((miss, index) => (
              <PathPicture key={index} links={linksOfMiss(data.principal, miss, permission, asked)} />
            ))}
          </Stack>
          {data.nearest_cut && <Text className="muted">There is more than this.</Text>}
        </section>
      )}
      {!data.allowed && data.nearest.length === 0 && (
        <Text size="sm" className="muted">
          Nothing comes near: no grant on this or above it names them or a group of theirs.
        </Text>
      )}
    </Stack>
  );
}

/** Why it is so, where no picture says it. */
const reasons: Readonly<Record<string, string>> = {
  public: "it is public, so everybody in the organization may read it",
  not_a_member: "they are no active member of the organization",
  no_such_object: "it is not there",
  no_such_place: "there is no such place",
  outside_scope: "the key that they use is narrowed to other things",
};

function sentenceOf({ allowed, reason, principal }: Explanation, permission: Permission): string {
  const who = principal.name ?? "They";
  const what = `${who} ${allowed ? "has" : "does not have"} the permission “${permissionNames[permission]}” here`;
  return reasons[reason] === undefined ? `${what}.` : `${what}: ${reasons[reason]}.`;
}
