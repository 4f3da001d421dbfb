import { Badge, Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconBook2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type AuditEvent, auditLogQuery, eventKey } from "../../api/audit-log.ts";
import { labelOf } from "../../api/directory.ts";
import { type KnownMember, membersByIdQuery } from "../../api/members-by-id.ts";
import { objectNamesQuery } from "../../api/objects.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { AnchorLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { SubjectPicker } from "../../ui/subject-picker.tsx";
import { At } from "../../ui/time.tsx";
import { actionName, actionNames } from "./actions.ts";
import { EventDialog } from "./event-dialog.tsx";
import { objectsOfAcls, summaryOf } from "./summary.ts";

const from = "/signed-in/access/audit-log";

export function AuditLogPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/access/audit-log" });
  const query = useQuery(
    auditLogQuery({
      actor_id: search.actor,
      principal_id: search.principal,
      action: search.action,
      from: startOfDay(search.from),
      to: endOfDay(search.to),
      cursor: search.cursor,
    }),
  );
  const ids = (query.data?.events ?? []).flatMap(({ actor }) =>
    actor === null
      ? []
      : [actor.principal_id, ...(actor.impersonated_id === null ? [] : [actor.impersonated_id])],
  );
  const members = useQuery({ ...membersByIdQuery(ids), enabled: ids.length > 0 });
  const refs = (query.data?.events ?? []).flatMap(objectsOfAcls);
  const names = useQuery({ ...objectNamesQuery(refs), enabled: refs.length > 0 });
  const filter = (change: Readonly<Record<string, string | undefined>>) =>
    void navigate({
      search: ({ cursor: _c, ...before }) =>
        Object.fromEntries(
          Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined),
        ),
    });
  const isFiltered = [search.actor, search.principal, search.action, search.from, search.to].some(
    (one) => one !== undefined,
  );
  const columns: readonly Column<AuditEvent>[] = [
    { header: "When", width: 170, cell: (event) => <At at={event.at} /> },
    { header: "Who", width: "24%", cell: (event) => <Actor event={event} members={members.data} /> },
    {
      header: "What",
      isName: true,
      width: "24%",
      cell: (event) => (
        <AnchorLink
          to="/access/audit-log"
          search={(before) => ({
            ...before,
            event: eventKey(event),
            ...(event.at !== null && { at: event.at }),
          })}
        >
          {actionName(event.action)}
        </AnchorLink>
      ),
    },
    { header: "To what", cell: (event) => summaryOf(event, names.data) },
  ];
  return (
    <Page
      title="Audit log"
      purpose="Every change of members, groups, access and keys: who made it, when, and what was before and after."
    >
      <Stack gap="md">
        <Group align="flex-end" gap="sm">
          <PersonFilter label="Made by" value={search.actor} onChange={(actor) => filter({ actor })} />
          <PersonFilter
            label="About"
            value={search.principal}
            onChange={(principal) => filter({ principal })}
          />
          <Select
            label="What"
            placeholder="Everything"
            data={Object.entries(actionNames).map(([value, label]) => ({ value, label }))}
            value={search.action ?? null}
            onChange={(action) => filter({ action: action ?? undefined })}
            clearable
            searchable
            clearButtonProps={{ "aria-label": "Clear the filter: What" }}
            w={{ base: "100%", sm: 180 }}
          />
          <TextInput
            type="date"
            label="From"
            value={search.from ?? ""}
            onChange={(event) => filter({ from: event.currentTarget.value || undefined })}
          />
          <TextInput
            type="date"
            label="To"
            value={search.to ?? ""}
            onChange={(event) => filter({ to: event.currentTarget.value || undefined })}
          />
        </Group>
        <DataTable
          caption="Changes, newest first"
          query={query}
          rows={(data) => data.events}
          rowKey={eventKey}
          columns={columns}
          empty={
            <EmptyState icon={IconBook2} title="No changes found">
              {isFiltered ? "Nothing fits these filters. Leave some out." : "Nothing has been changed yet."}
            </EmptyState>
          }
        />
        <Pager current={search.cursor} next={query.isPlaceholderData ? null : query.data?.next_cursor} />
      </Stack>
      <EventDialog
        event={search.event}
        at={search.at}
        onClose={() => void navigate({ search: ({ event: _e, at: _a, ...rest }) => rest })}
      />
    </Page>
  );
}

function Actor(props: {
  readonly event: AuditEvent;
  readonly members: ReadonlyMap<string, KnownMember> | undefined;
}) {
  const { event, members } = props;
  if (event.actor === null) return <span className="muted">Portcullis itself</span>;
  const name = (id: string) => members?.get(id)?.label ?? `…${id.slice(-6)}`;
  const { principal_id: principal, impersonated_id: impersonated } = event.actor;
  return (
    <>
      {name(principal)}
      {impersonated !== null && (
        <Text size="xs" className="muted">
          acting as {name(impersonated)}
        </Text>
      )}
    </>
  );
}

interface PersonFilterProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

function PersonFilter({ label, value, onChange }: PersonFilterProps) {
  const members = useQuery({
    ...membersByIdQuery(value === undefined ? [] : [value]),
    enabled: value !== undefined,
  });
  if (value === undefined) {
    return (
      <SubjectPicker
        label={label}
        placeholder="Anybody"
        width={180}
        kinds={["user", "service_account"]}
        onPick={(entry) => onChange(entry.id)}
      />
    );
  }
  const name = members.data?.get(value)?.label ?? `…${value.slice(-6)}`;
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <Group h={36} gap="xs">
        <Badge variant="light" size="lg" tt="none">
          {labelOf({ name })}
        </Badge>
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Clear the filter: ${label}`}
          onClick={() => onChange(undefined)}
        >
          Clear
        </Button>
      </Group>
    </div>
  );
}

function startOfDay(day: string | undefined): string | undefined {
  return isDay(day) ? new Date(`${day}T00:00:00`).toISOString() : undefined;
}

/** The whole of the last day counts. */
function endOfDay(day: string | undefined): string | undefined {
  if (!isDay(day)) return undefined;
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + 1);
  return date.toISOString();
}

function isDay(day: string | undefined): day is string {
  return day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(day));
}
