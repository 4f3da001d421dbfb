const minuteMs = 60_000;
const steps = [
  { unit: "year", ms: 365 * 24 * 60 * minuteMs },
  { unit: "month", ms: 30 * 24 * 60 * minuteMs },
  { unit: "day", ms: 24 * 60 * minuteMs },
  { unit: "hour", ms: 60 * minuteMs },
  { unit: "minute", ms: minuteMs },
] as const;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** When something was or will be, as `3 days ago`; the exact time is its title. */
export function When({ at, never = "Never" }: { readonly at: string | null; readonly never?: string }) {
  if (at === null) return <span className="muted">{never}</span>;
  return (
    <time dateTime={at} title={absolute.format(new Date(at))}>
      {distanceTo(new Date(at))}
    </time>
  );
}

/** The exact time. */
export function At({ at }: { readonly at: string | null }) {
  return at === null ? null : <time dateTime={at}>{absolute.format(new Date(at))}</time>;
}

function distanceTo(date: Date): string {
  const ms = date.getTime() - Date.now();
  const step = steps.find((one) => Math.abs(ms) >= one.ms);
  return step === undefined ? "just now" : relative.format(Math.round(ms / step.ms), step.unit);
}
