import { Alert, Button, Checkbox, Group, List, Stack, Text, Title } from "@mantine/core";
import type { Permission } from "@portcullis/policy";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import {
  type Acl,
  type AclContent,
  aclsQuery,
  changeAcls,
  proposedAcl,
  type Simulated,
} from "../api/access.ts";
import { memberCountQuery } from "../api/group-closure.ts";
import { reasonOf } from "../api/http.ts";
import { rolesQuery } from "../api/roles.ts";
import { sessionQuery } from "../api/session.ts";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorState, ListSkeleton } from "../ui/states.tsx";
import { At } from "../ui/time.tsx";
import { announce } from "../ui/toast.tsx";
import { AccessPreview } from "./access-preview.tsx";
import {
  type DialogRow,
  type DialogSection,
  manageAccessTick,
  objectsOf,
  type Tick,
  ticksOf,
} from "./dialog-rows.ts";
import classes from "./permissions-dialog.module.css";
import {
  changesOf,
  idOf,
  isGivenByWider,
  readAcls,
  type SetTicks,
  type Subject,
  type TickState,
  type Ticks,
  withAll,
  withTick,
} from "./ticks.ts";
import { warningsOf } from "./warnings.ts";
import { permissionsText, typePlurals } from "./words.ts";

interface PermissionsDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  /** On what, as `Search ranking`. */
  readonly on: string;
  readonly subject: Subject;
  readonly sections: readonly DialogSection[];
}

/** What somebody, or a group, may do: ticks, then a look at what they change, then it is saved. */
export function PermissionsDialog(props: PermissionsDialogProps) {
  const { opened, onClose, on, subject, sections } = props;
  return (
    <Dialog title={`Permissions of ${subject.name} on ${on}`} opened={opened} onClose={onClose} size="xl">
      <Loaded key={subject.id} {...{ onClose, subject, sections }} />
    </Dialog>
  );
}

type LoadedProps = Pick<PermissionsDialogProps, "onClose" | "subject" | "sections">;

function Loaded({ onClose, subject, sections }: LoadedProps) {
  const { acls, error, refetch } = useQueries({
    queries: objectsOf(sections).map((object) => aclsQuery(object, idOf(subject))),
    combine: (results) => ({
      acls: results.every((one) => one.data !== undefined)
        ? results.flatMap((one) => one.data ?? [])
        : undefined,
      error: results.find((one) => one.error !== null)?.error ?? null,
      refetch: () => results.forEach((one) => void one.refetch()),
    }),
  });
  if (error !== null) return <ErrorState error={error} reset={refetch} />;
  if (acls === undefined) return <ListSkeleton rows={6} />;
  return <Editor {...{ acls, onClose, subject, sections }} />;
}

function Editor({ acls, onClose, subject, sections }: LoadedProps & { readonly acls: readonly Acl[] }) {
  const { ticks: before, others } = readAcls(sections, acls, subject);
  const [set, setTicks] = useState<SetTicks>(new Map());
  const [isPreviewed, setPreviewed] = useState(false);
  const ticks: Ticks = new Map([...before, ...set]);
  const changes = changesOf(sections, acls, subject, set);
  const isChanged = changes.add.length + changes.remove.length > 0;
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: () => changeAcls(changes.add, changes.remove),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce(`Permissions of ${subject.name} saved`);
      onClose();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isPreviewed) save.mutate();
    else setPreviewed(true);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {isPreviewed ? (
          <Preview {...{ subject, changes, sections }} />
        ) : (
          <>
            <TickTable {...{ sections, ticks, set, onChange: setTicks }} />
            {ticks.get(manageAccessTick) === "on" && <SuperUserWarning />}
            <OtherGrants acls={others} />
          </>
        )}
        {save.error !== null && (
          <Alert color="red" role="alert" title="This was not saved">
            {reasonOf(save.error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          {isPreviewed ? (
            <Button variant="default" onClick={() => setPreviewed(false)}>
              Back
            </Button>
          ) : (
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
          )}
          <Button
            key={String(isPreviewed)}
            type="submit"
            disabled={!isChanged}
            loading={save.isPending}
            data-autofocus={isPreviewed}
          >
            {isPreviewed ? "Save" : "Preview changes"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface TickTableProps {
  readonly sections: readonly DialogSection[];
  /** As they are shown: as they stand, and as they were set. */
  readonly ticks: Ticks;
  readonly set: SetTicks;
  readonly onChange: (set: SetTicks) => void;
}

function TickTable({ sections, ticks, set, onChange }: TickTableProps) {
  const setTick = (tick: Tick, on: boolean) => onChange(withTick(set, tick.id, on));
  const isMany = ticksOf(sections).length > 5;
  return (
    <>
      {isMany && (
        <Group gap="xs">
          <Button size="compact-sm" variant="default" onClick={() => onChange(withAll(sections, true))}>
            Select all
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => onChange(withAll(sections, false))}>
            Select none
          </Button>
        </Group>
      )}
      {sections.map((section) => (
        <section key={section.title} aria-label={section.title}>
          <Title order={3} size="h5" mb="xs">
            {section.title}
          </Title>
          {section.rows.map((row) =>
            row.ticks.length === 1 ? (
              <SingleTick key={row.id} {...{ row, ticks, setTick }} />
            ) : (
              <TickRow key={row.id} {...{ row, ticks, setTick }} />
            ),
          )}
        </section>
      ))}
    </>
  );
}

interface RowProps {
  readonly row: DialogRow;
  readonly ticks: Ticks;
  readonly setTick: (tick: Tick, on: boolean) => void;
}

function SingleTick({ row, ticks, setTick }: RowProps) {
  const [tick] = row.ticks;
  if (tick === undefined) return null;
  return (
    <Checkbox
      py={6}
      label={row.label}
      description={row.help}
      {...checkedBy(ticks.get(tick.id))}
      onChange={(event) => setTick(tick, event.currentTarget.checked)}
    />
  );
}

function TickRow({ row, ticks, setTick }: RowProps) {
  return (
    <fieldset className={classes["row"]}>
      <legend className={classes["legend"]}>
        {row.label}
        {row.help !== undefined && <span className={classes["help"]}>{row.help}</span>}
      </legend>
      <div className={classes["ticks"]}>
        {row.ticks.map((tick) => {
          const isGiven = isGivenByWider(tick, ticks);
          return (
            <Checkbox
              key={tick.id}
              className={classes["tick"] ?? ""}
              style={{ "--column": tick.column }}
              label={tick.label}
              aria-label={`${row.label}: ${tick.label}`}
              disabled={isGiven}
              {...(isGiven ? { checked: true } : checkedBy(ticks.get(tick.id)))}
              onChange={(event) => setTick(tick, event.currentTarget.checked)}
            />
          );
        })}
      </div>
    </fieldset>
  );
}

function checkedBy(state: TickState | undefined) {
  return { checked: state === "on", indeterminate: state === "some" };
}

function SuperUserWarning() {
  return (
    <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title="“Manage access” makes super-users">
      Whoever has it can give themselves everything else, now or later. Give it only to those whom you would
      make Owners.
    </Alert>
  );
}

function OtherGrants({ acls }: { readonly acls: readonly Acl[] }) {
  const roles = useQuery({ ...rolesQuery, enabled: acls.length > 0 });
  if (acls.length === 0) return null;
  const nameOf = (id: string) => roles.data?.find((role) => role.id === id)?.name ?? "…";
  return (
    <section aria-label="Other grants">
      <Title order={3} size="h5">
        Other grants
      </Title>
      <Text size="sm" className="muted" mb="xs">
        Roles and access that ends by itself are not changed here.
      </Text>
      <List size="sm">
        {acls.map((acl) => (
          <List.Item key={acl.id}>
            {acl.role_id === null
              ? permissionsText(acl.permission === null ? [] : [acl.permission])
              : `Role ${nameOf(acl.role_id)}`}
            {` on ${typePlurals[acl.object_type]}`}
            {acl.restrict_object_type !== null && `, only ${typePlurals[acl.restrict_object_type]}`}
            {acl.expires_at !== null && (
              <>
                , until <At at={acl.expires_at} />
              </>
            )}
          </List.Item>
        ))}
      </List>
    </section>
  );
}

interface PreviewProps {
  readonly subject: Subject;
  readonly changes: { readonly add: readonly AclContent[]; readonly remove: readonly AclContent[] };
  readonly sections: readonly DialogSection[];
}

function Preview({ subject, changes, sections }: PreviewProps) {
  const { data: session } = useQuery(sessionQuery);
  const isGroup = subject.kind === "group";
  const count = useQuery({ ...memberCountQuery(subject.id), enabled: isGroup });
  const memberCount = isGroup ? (count.data ?? null) : null;
  const proposed = [
    ...changes.add.map((content) => ({ add_acl: proposedAcl(content) })),
    ...changes.remove.map((content) => ({ remove_acl: { content: proposedAcl(content) } })),
  ];
  const warnings = (simulated: Simulated) =>
    session === undefined
      ? []
      : warningsOf({
          subject,
          changes,
          simulated,
          self: session.principal_id,
          orgId: session.org_id,
          memberCount,
        });
  return (
    <>
      <section aria-labelledby="changed">
        <Title order={3} size="h5" id="changed" mb="xs">
          What you change
        </Title>
        <Lines title={`${subject.name} gets`} lines={linesOf(sections, changes.add)} />
        <Lines title={`${subject.name} no longer gets`} lines={linesOf(sections, changes.remove)} />
      </section>
      <section aria-labelledby="effect">
        <Title order={3} size="h5" id="effect" mb="xs">
          What that does
        </Title>
        {isGroup && count.isPending ? (
          <ListSkeleton rows={2} />
        ) : (
          <AccessPreview {...{ changes: proposed, warnings }} />
        )}
      </section>
    </>
  );
}

function Lines({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <>
      <Text size="sm">{title}</Text>
      <List size="sm">
        {lines.map((line) => (
          <List.Item key={line}>{line}</List.Item>
        ))}
      </List>
    </>
  );
}

/** Changes in the words of the ticks that made them. */
function linesOf(sections: readonly DialogSection[], contents: readonly AclContent[]): readonly string[] {
  const keys = new Set(
    contents.map((acl) => keyOf(acl.object_type, acl.permission, acl.restrict_object_type)),
  );
  return sections.flatMap((section) =>
    section.rows.flatMap((row) =>
      row.ticks
        .filter((tick) =>
          tick.grants.some((grant) =>
            keys.has(keyOf(grant.object.type, grant.permission, grant.restrict ?? undefined)),
          ),
        )
        .map((tick) => (row.ticks.length === 1 ? row.label : `${row.label}: ${tick.label}`)),
    ),
  );
}

function keyOf(type: string, permission: Permission, restrict: string | undefined): string {
  return `${type} ${permission} ${restrict ?? ""}`;
}
