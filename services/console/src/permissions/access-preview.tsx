import { Alert, Badge, Group, List, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconMinus, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import {
  type Difference,
  type ProposedChange,
  type Simulated,
  simulatedMax,
  simulateQuery,
} from "../api/access.ts";
import { emailBeside } from "../api/directory.ts";
import { ApiError, reasonOf } from "../api/http.ts";
import { type KnownMember, membersByIdQuery } from "../api/members-by-id.ts";
import { objectLabel, objectNamesQuery } from "../api/objects.ts";
import { ListSkeleton } from "../ui/states.tsx";
import { permissionsText } from "./words.ts";

interface AccessPreviewProps {
  readonly changes: readonly ProposedChange[];
  /** What is surprising about it, once it is known what it does. */
  readonly warnings?: (simulated: Simulated) => readonly string[];
}

/** Who gains and who loses what by changes, before they are made. */
export function AccessPreview({ changes, warnings }: AccessPreviewProps) {
  const asked = changes.slice(0, simulatedMax);
  const { data, error, isPending } = useQuery(simulateQuery(asked));
  if (isPending) {
    return (
      <Stack gap="xs" role="status" aria-label="Working out who gains and who loses access">
        <Skeleton h={20} w="50%" />
        <Skeleton h={20} w="80%" />
        <Skeleton h={20} w="70%" />
      </Stack>
    );
  }
  if (error !== null) return <NoPreview error={error} />;
  const said = [
    ...(warnings?.(data) ?? []),
    ...(data.cut_off.length > 0 || asked.length < changes.length
      ? ["This reaches so far that not all of it was looked at: more may change than is listed here."]
      : []),
  ];
  return (
    <Stack gap="sm">
      {said.map((warning) => (
        <Alert key={warning} color="orange" icon={<IconAlertTriangle aria-hidden />} role="alert">
          {warning}
        </Alert>
      ))}
      <Differences differences={data.differences} />
    </Stack>
  );
}

function NoPreview({ error }: { readonly error: unknown }) {
  const forbidden = error instanceof ApiError && error.status === 403;
  return (
    <Alert color={forbidden ? "blue" : "red"} role="alert" title="There is no preview">
      {forbidden
        ? "Only who may see all access in the organization is shown who gains and who loses what. You can save without it."
        : reasonOf(error)}
    </Alert>
  );
}

const peopleShown = 20;
const objectsShown = 6;

function Differences({ differences }: { readonly differences: readonly Difference[] }) {
  const byPrincipal = Map.groupBy(differences, (one) => one.principal_id);
  const shown = [...byPrincipal].slice(0, peopleShown);
  const names = useQuery(membersByIdQuery(shown.map(([id]) => id)));
  const refs = shown.flatMap(([, changed]) => changed.slice(0, objectsShown).map((one) => one.object));
  const objectNames = useQuery(objectNamesQuery(refs));
  if (differences.length === 0) {
    return (
      <Text size="sm" role="status">
        Nobody gains or loses anything by this.
      </Text>
    );
  }
  if (names.isPending || objectNames.isPending) return <ListSkeleton rows={3} />;
  const count = (which: "gained" | "lost") =>
    [...byPrincipal.values()].filter((changed) => changed.some((one) => one[which].length > 0)).length;
  return (
    <Stack gap="xs">
      <Group gap="xs" role="status">
        <Badge
          variant="default"
          size="lg"
          leftSection={<IconPlus size={14} color="teal" aria-hidden />}
          tt="none"
        >
          {people(count("gained"))} access
        </Badge>
        <Badge
          variant="default"
          size="lg"
          leftSection={<IconMinus size={14} color="red" aria-hidden />}
          tt="none"
        >
          {people(count("lost"), "lose")} access
        </Badge>
      </Group>
      <List size="sm" spacing="xs" listStyleType="none" aria-label="Who gains and who loses what">
        {shown.map(([id, changed]) => (
          <List.Item key={id}>
            <Text fw={600} size="sm">
              <Who member={names.data?.get(id)} />
            </Text>
            {changed.slice(0, objectsShown).map((one) => (
              <Line
                key={`${one.object.type} ${one.object.id}`}
                one={one}
                label={objectLabel(one.object, objectNames.data)}
              />
            ))}
            {changed.length > objectsShown && (
              <Text size="xs" className="muted">
                and on {changed.length - objectsShown} more
              </Text>
            )}
          </List.Item>
        ))}
      </List>
      {byPrincipal.size > shown.length && (
        <Text size="sm" className="muted">
          and {byPrincipal.size - shown.length} more
        </Text>
      )}
    </Stack>
  );
}

function Who({ member }: { readonly member: KnownMember | undefined }) {
  if (member === undefined) return "Somebody";
  const { label } = member;
  const email = emailBeside(label, member.email);
  return (
    <>
      {label}
      {email !== null && <span className="muted"> {email}</span>}
    </>
  );
}

function Line({ one, label }: { readonly one: Difference; readonly label: string }) {
  return (
    <Text size="sm" className="muted">
      {one.gained.length > 0 && `gains ${permissionsText(one.gained)}`}
      {one.gained.length > 0 && one.lost.length > 0 && ", "}
      {one.lost.length > 0 && `loses ${permissionsText(one.lost)}`}
      {` on ${label}`}
    </Text>
  );
}

function people(count: number, verb: "gain" | "lose" = "gain"): string {
  if (count === 0) return `Nobody ${verb}s`;
  return count === 1 ? `1 member ${verb}s` : `${count} members ${verb}`;
}
