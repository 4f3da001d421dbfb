import { MultiSelect } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { directoryQuery, labelOf } from "../api/directory.ts";

interface GroupsFieldProps {
  readonly label: string;
  readonly description?: string;
  readonly value: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
}

const pauseMs = 200;

/** Any number of permission groups, found by their names. */
export function GroupsField({ label, description, value, onChange }: GroupsFieldProps) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map());
  const [q] = useDebouncedValue(typed, pauseMs);
  const { data, isFetching } = useQuery(directoryQuery(q, ["group"]));
  const offered = new Map([
    ...value.map((id) => [id, chosen.get(id) ?? id] as const),
    ...(data?.entries ?? []).map((entry) => [entry.id, labelOf(entry)] as const),
  ]);
  return (
    <MultiSelect
      label={label}
      description={description}
      placeholder={value.length === 0 ? "Type the name of a group" : ""}
      searchable
      hidePickedOptions
      value={[...value]}
      searchValue={typed}
      onSearchChange={setTyped}
      data={[...offered].map(([id, name]) => ({ value: id, label: name }))}
      filter={({ options }) => options}
      nothingFoundMessage={isFetching ? "Searching…" : "No group of this name"}
      onChange={(ids) => {
        setChosen(new Map(ids.map((id) => [id, offered.get(id) ?? id])));
        onChange(ids);
      }}
    />
  );
}
