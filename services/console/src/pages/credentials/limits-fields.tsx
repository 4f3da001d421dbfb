import { MultiSelect, Select, TextInput } from "@mantine/core";
import { type ObjectType, objectTypeNames, type Permission, permissions } from "@portcullis/policy";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Limits } from "../../api/credentials.ts";
import { choicesMax, objectsQuery } from "../../api/objects.ts";
import { permissionNames, typePlurals } from "../../permissions/words.ts";

const dayMs = 24 * 60 * 60 * 1000;
const lifetimes = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "never", label: "Never" },
];

interface Draft {
  readonly name: string;
  readonly days: string;
  readonly permissions: readonly string[];
  readonly types: readonly string[];
  /** Their ids. */
  readonly projects: readonly string[];
}

const empty: Draft = { name: "", days: "90", permissions: [], types: [], projects: [] };

/** What is said of a credential that is to be made. */
export function useLimits() {
  const [draft, setDraft] = useState(empty);
  return { draft, setDraft, reset: () => setDraft(empty) };
}

export function limitsOf({ name, days, permissions: allowed, types, projects }: Draft): Limits {
  const isNarrowed = allowed.length + types.length + projects.length > 0;
  return {
    name,
    ...(days !== "never" && { expires_at: new Date(Date.now() + Number(days) * dayMs).toISOString() }),
    ...(isNarrowed && {
      scope: {
        ...(allowed.length > 0 && { permissions: allowed as readonly Permission[] }),
        ...(types.length > 0 && { object_types: types as readonly ObjectType[] }),
        ...(projects.length > 0 && { objects: projects.map((id) => ({ type: "project", id }) as const) }),
      },
    }),
  };
}

interface LimitsFieldsProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

export function LimitsFields({ draft, onChange }: LimitsFieldsProps) {
  const set = (part: Partial<Draft>) => onChange({ ...draft, ...part });
  const projects = useQuery(objectsQuery("project", { limit: choicesMax }));
  return (
    <>
      <TextInput
        label="Name"
        description="Where it will be used, as “laptop” or “nightly import”"
        value={draft.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        required
        maxLength={255}
        data-autofocus
      />
      <Select
        label="Stops working after"
        data={lifetimes}
        value={draft.days}
        onChange={(days) => set({ days: days ?? "never" })}
        allowDeselect={false}
      />
      <MultiSelect
        label="Only for these permissions"
        description="Leave it empty to allow all that its holder may do"
        data={permissions.map((value) => ({ value, label: permissionNames[value] }))}
        value={[...draft.permissions]}
        onChange={(chosen) => set({ permissions: chosen })}
        searchable
      />
      <MultiSelect
        label="Only for these kinds of objects"
        data={objectTypeNames.map((value) => ({ value, label: typePlurals[value] }))}
        value={[...draft.types]}
        onChange={(types) => set({ types })}
        searchable
      />
      <MultiSelect
        label="Only within these projects"
        description={
          projects.data !== undefined && projects.data.next !== null
            ? `The newest ${choicesMax.toLocaleString("en")} projects are listed`
            : undefined
        }
        data={(projects.data?.objects ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        value={[...draft.projects]}
        onChange={(chosen) => set({ projects: chosen })}
        limit={50}
        searchable
      />
    </>
  );
}
