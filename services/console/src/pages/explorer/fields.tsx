import { Button, Group, Input, Select, Text } from "@mantine/core";
import { type ObjectType, objectTypeRow, type Permission } from "@portcullis/policy";
import { useQuery } from "@tanstack/react-query";
import { groupNamesQuery } from "../../api/groups.ts";
import { membersByIdQuery } from "../../api/members-by-id.ts";
import { choicesMax, objectsQuery } from "../../api/objects.ts";
import { rolesQuery } from "../../api/roles.ts";
import { isProjectKind } from "../../permissions/dialog-rows.ts";
import { permissionNames, typeNames, typePlurals } from "../../permissions/words.ts";
import { SubjectIcon } from "../../ui/subject-icon.tsx";
import { SubjectPicker } from "../../ui/subject-picker.tsx";
import { askedTypes, isFace } from "./asked.ts";

const width = { base: "100%", sm: 220 };

interface PrincipalFieldProps {
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

/** Whom a question is about. */
export function PrincipalField({ value, onChange }: PrincipalFieldProps) {
  const members = useQuery({
    ...membersByIdQuery(value === undefined ? [] : [value]),
    enabled: value !== undefined,
  });
  if (value === undefined) {
    return (
      <SubjectPicker
        label="Who"
        placeholder="Type the name of a member or a service account"
        kinds={["user", "service_account"]}
        onPick={({ id }) => onChange(id)}
      />
    );
  }
  const member = members.data?.get(value);
  return (
    <Chosen
      label="Who"
      icon={member !== undefined && <SubjectIcon kind={member.kind} />}
      name={member?.label ?? (members.isPending ? "…" : "Nobody who is a member now")}
      onClear={() => onChange(undefined)}
    />
  );
}

interface PermissionFieldProps {
  readonly value: Permission;
  readonly type: ObjectType;
  readonly onChange: (permission: string | undefined) => void;
}

export function PermissionField({ value, type, onChange }: PermissionFieldProps) {
  const words = new Set([value, ...objectTypeRow(type).permissions]);
  return (
    <Select
      label="May"
      data={[...words].map((word) => ({ value: word, label: permissionNames[word] }))}
      value={value}
      onChange={(word) => onChange(word ?? undefined)}
      allowDeselect={false}
      w={width}
    />
  );
}

interface TypeFieldProps {
  readonly value: ObjectType;
  readonly label: string;
  readonly plural?: boolean;
  readonly onChange: (type: string | undefined) => void;
}

export function TypeField({ value, label, plural = false, onChange }: TypeFieldProps) {
  const names = plural ? typePlurals : typeNames;
  return (
    <Select
      label={label}
      data={askedTypes
        .filter((type) => !plural || !isFace(type))
        .map((type) => ({ value: type, label: names[type] }))}
      value={value}
      onChange={(type) => onChange(type ?? undefined)}
      allowDeselect={false}
      w={width}
    />
  );
}

interface ObjectFieldProps {
  readonly type: ObjectType;
  readonly project: string | undefined;
  readonly object: string | undefined;
  readonly onChange: (change: { project?: string | undefined; object?: string | undefined }) => void;
}

/** Which object a question is about: a project, what is in one, a group or a role. */
export function ObjectField({ type, project, object, onChange }: ObjectFieldProps) {
  if (isFace(type)) return null;
  if (type === "group") return <GroupField value={object} onChange={(id) => onChange({ object: id })} />;
  if (type === "role") return <RoleField value={object} onChange={(id) => onChange({ object: id })} />;
  if (type === "project" || type === "project_log") {
    return <ChoiceField kind="project" value={object} onChange={(id) => onChange({ object: id })} />;
  }
  if (!isProjectKind(type)) return null;
  return (
    <>
      <ChoiceField
        kind="project"
        value={project}
        onChange={(id) => onChange({ project: id, object: undefined })}
      />
      <ChoiceField kind={type} project={project} value={object} onChange={(id) => onChange({ object: id })} />
    </>
  );
}

interface ChoiceFieldProps {
  readonly kind: Parameters<typeof objectsQuery>[0];
  readonly project?: string | undefined;
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

const optionsShown = 100;

function ChoiceField({ kind, project, value, onChange }: ChoiceFieldProps) {
  const isReady = kind === "project" || project !== undefined;
  const { data, error } = useQuery({
    ...objectsQuery(kind, { ...(project !== undefined && { project }), limit: choicesMax }),
    enabled: isReady,
  });
  const known = data?.objects ?? [];
  const options = known.map(({ id, name }) => ({ value: id, label: name }));
  const isKnown = value === undefined || known.some(({ id }) => id === value);
  return (
    <Select
      label={typeNames[kind]}
      placeholder={isReady ? "Choose one" : "Choose a project first"}
      disabled={!isReady}
      searchable
      limit={optionsShown}
      data={isKnown ? options : [...options, { value, label: `…${value.slice(-6)}` }]}
      value={value ?? null}
      onChange={(id) => onChange(id ?? undefined)}
      nothingFoundMessage="Nothing found that you may read"
      error={error === null ? null : "These can't be listed right now"}
      w={width}
    />
  );
}

interface IdFieldProps {
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

function GroupField({ value, onChange }: IdFieldProps) {
  const names = useQuery({
    ...groupNamesQuery(value === undefined ? [] : [value]),
    enabled: value !== undefined,
  });
  if (value === undefined) {
    return (
      <SubjectPicker
        label="Permission group"
        placeholder="Type the name of a group"
        kinds={["group"]}
        onPick={({ id }) => onChange(id)}
      />
    );
  }
  return (
    <Chosen
      label="Permission group"
      name={names.data?.get(value) ?? "…"}
      onClear={() => onChange(undefined)}
    />
  );
}

function RoleField({ value, onChange }: IdFieldProps) {
  const { data } = useQuery(rolesQuery);
  return (
    <Select
      label="Role"
      placeholder="Choose one"
      searchable
      limit={optionsShown}
      data={(data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
      value={value ?? null}
      onChange={(id) => onChange(id ?? undefined)}
      w={width}
    />
  );
}

interface ChosenProps {
  readonly label: string;
  readonly name: string;
  readonly icon?: React.ReactNode;
  readonly onClear: () => void;
}

function Chosen({ label, name, icon, onClear }: ChosenProps) {
  return (
    <Input.Wrapper label={label} labelElement="div">
      <Group gap="xs" h={36} wrap="nowrap">
        {icon}
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Button size="compact-xs" variant="default" aria-label={`Change: ${label}`} onClick={onClear}>
          Change
        </Button>
      </Group>
    </Input.Wrapper>
  );
}
