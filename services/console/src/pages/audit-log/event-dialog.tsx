import { Code, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { auditEventQuery } from "../../api/audit-log.ts";
import { membersByIdQuery } from "../../api/members-by-id.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { ErrorState, ListSkeleton, NotFoundState } from "../../ui/states.tsx";
import { At } from "../../ui/time.tsx";
import { actionName } from "./actions.ts";
import { differingFields } from "./differing-fields.ts";

interface EventDialogProps {
  readonly event: string | undefined;
  readonly at: string | undefined;
  readonly onClose: () => void;
}

/** One entry of the log, with what was before and after. */
export function EventDialog({ event, at, onClose }: EventDialogProps) {
  const isOpen = event !== undefined && at !== undefined;
  const { data, error, refetch } = useQuery({ ...auditEventQuery(event ?? "", at ?? ""), enabled: isOpen });
  const entry = data ?? null;
  const actor = entry?.actor ?? null;
  const ids = [actor?.principal_id, actor?.impersonated_id].filter((id) => typeof id === "string");
  const members = useQuery({ ...membersByIdQuery(ids), enabled: ids.length > 0 });
  const nameOf = (id: string) => members.data?.get(id)?.label ?? id;
  return (
    <Dialog
      title={entry === null ? "Change" : actionName(entry.action)}
      opened={isOpen}
      onClose={onClose}
      size="xl"
    >
      {error !== null && <ErrorState error={error} reset={() => void refetch()} />}
      {error === null && data === undefined && <ListSkeleton rows={4} />}
      {data === null && <NotFoundState />}
      {entry !== null && (
        <Stack gap="md">
          <Table variant="vertical" layout="fixed" withTableBorder>
            <Table.Tbody>
              <Fact label="When">
                <At at={entry.at} />
              </Fact>
              <Fact label="Who">
                {actor === null ? "Portcullis itself" : nameOf(actor.principal_id)}
                {actor !== null &&
                  actor.impersonated_id !== null &&
                  ` acting as ${nameOf(actor.impersonated_id)}`}
              </Fact>
              <Fact label="What">
                {entry.subject.type} {entry.subject.id}
              </Fact>
              <Fact label="Request">
                {entry.request_id}
                {entry.source_address !== null && ` from ${entry.source_address}`}
              </Fact>
              <Fact label="Place in the log">
                {entry.owner} {entry.position}
              </Fact>
            </Table.Tbody>
          </Table>
          <Changes before={entry.before} after={entry.after} />
        </Stack>
      )}
    </Dialog>
  );
}

function Fact({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w={150}>{label}</Table.Th>
      <Table.Td>{children}</Table.Td>
    </Table.Tr>
  );
}

function Changes({ before, after }: { readonly before: unknown; readonly after: unknown }) {
  const fields = differingFields(before, after);
  return (
    <Stack gap="xs">
      {fields.length > 0 && (
        <Text size="sm">
          Changed: <strong>{fields.join(", ")}</strong>
        </Text>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <State title="Before" state={before} />
        <State title="After" state={after} />
      </SimpleGrid>
    </Stack>
  );
}

function State({ title, state }: { readonly title: string; readonly state: unknown }) {
  return (
    <section aria-label={title}>
      <Title order={3} size="h5" mb={4}>
        {title}
      </Title>
      {state === null ? (
        <Text size="sm" className="muted">
          Nothing
        </Text>
      ) : (
        <Code block tabIndex={0} role="region" aria-label={`${title}, in full`} mah={360}>
          {JSON.stringify(state, null, 2)}
        </Code>
      )}
    </section>
  );
}
