import { useState } from "react";

/** The last value that there was: what a dialog was about stays in it while it closes. */
export function useLastGiven<T>(value: T | undefined | null): T | null {
  const [last, setLast] = useState<T | null>(value ?? null);
  if (value !== undefined && value !== null && value !== last) setLast(value);
  return value ?? last;
}
