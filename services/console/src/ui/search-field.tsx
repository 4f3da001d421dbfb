import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

interface SearchFieldProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly onSearch: (value: string | undefined) => void;
}

const pauseMs = 250;

/** Looks for what is typed after a short pause. */
export function SearchField({ label, value = "", onSearch }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const [valueBefore, setValueBefore] = useState(value);
  // It was changed from outside, as by going back.
  if (value !== valueBefore) {
    setValueBefore(value);
    setTyped(value);
  }
  const search = useDebouncedCallback(
    (wanted: string) => onSearch(wanted === "" ? undefined : wanted),
    pauseMs,
  );
  const change = (wanted: string) => {
    setTyped(wanted);
    search(wanted);
  };
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => change(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        typed === "" ? null : (
          <CloseButton size="sm" aria-label="Clear the search" onClick={() => change("")} />
        )
      }
      w={{ base: "100%", sm: 320 }}
    />
  );
}
