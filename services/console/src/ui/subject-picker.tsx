import { Group, Select, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type DirectoryEntry, directoryQuery, labelOf, type SubjectKind } from "../api/directory.ts";
import { kindNames, SubjectIcon } from "./subject-icon.tsx";

interface SubjectPickerProps {
  readonly label: string;
  readonly kinds: readonly SubjectKind[];
  readonly onPick: (entry: DirectoryEntry) => void;
  readonly placeholder?: string;
  readonly description?: string;
  /** Who is not offered. */
  readonly without?: ReadonlySet<string>;
  readonly width?: number;
}

const pauseMs = 200;

/** Type to find a group, a member or a service account; what is picked is handed on, and the field is empty again. */
export function SubjectPicker(props: SubjectPickerProps) {
  const { label, kinds, onPick, placeholder, description, without, width } = props;
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed, pauseMs);
  const { data, isFetching, error } = useQuery(directoryQuery(q, kinds));
  const entries = (data?.entries ?? []).filter((entry) => without?.has(entry.id) !== true);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  return (
    <Select
      label={label}
      description={description}
      placeholder={placeholder ?? "Type a name or an e-mail address"}
      searchable
      // The focus comes back here when a dialog closes: what was picked is done then.
      openOnFocus={false}
      {...(width !== undefined && { w: { base: "100%", sm: width } })}
      value={null}
      searchValue={typed}
      onSearchChange={setTyped}
      data={entries.map((entry) => ({ value: entry.id, label: labelOf(entry) }))}
      filter={({ options }) => options}
      nothingFoundMessage={nothing(isFetching, error !== null)}
      error={error === null ? null : "The directory can't be searched right now"}
      onChange={(id) => {
        const entry = id === null ? undefined : byId.get(id);
        if (entry === undefined) return;
        onPick(entry);
        setTyped("");
      }}
      renderOption={({ option }) => {
        const entry = byId.get(option.value);
        return entry === undefined ? option.label : <Option entry={entry} />;
      }}
      comboboxProps={{ withinPortal: true }}
    />
  );
}

function Option({ entry }: { readonly entry: DirectoryEntry }) {
  const about = entry.email ?? entry.description ?? kindNames[entry.kind];
  return (
    <Group gap="sm" wrap="nowrap">
      <SubjectIcon kind={entry.kind} />
      <div>
        <Text size="sm">{labelOf(entry)}</Text>
        {about !== labelOf(entry) && (
          <Text size="xs" className="muted" lineClamp={1}>
            {about}
          </Text>
        )}
      </div>
    </Group>
  );
}

function nothing(isFetching: boolean, failed: boolean): string | null {
  if (failed) return null;
  return isFetching ? "Searching…" : "Nobody found by this name";
}
