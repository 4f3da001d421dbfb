// How HTTP requests were answered, by the pattern of their route: what stands in a path or a query is never told.

import { Durations } from "./durations.ts";
import { counter, histogram } from "./metric.ts";

interface RouteCounts {
  readonly method: string;
  readonly route: string;
  readonly byStatus: Map<number, number>;
  readonly durations: Durations;
}

const byRoute = new Map<string, RouteCounts>();

/** Counts a request that was answered. */
export function countRequest(
  { method, route }: { readonly method: string; readonly route: string },
  status: number,
  ms: number,
): void {
  const name = `${method} ${route}`;
  let counts = byRoute.get(name);
  if (counts === undefined) {
    counts = { method, route, byStatus: new Map(), durations: new Durations() };
    byRoute.set(name, counts);
  }
  counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1);
  counts.durations.add(ms);
}

counter("portcullis_http_requests_total", "HTTP requests that were answered", [
  "method",
  "route",
  "status",
]).readBy(() =>
  Array.from(byRoute.values()).flatMap(({ method, route, byStatus }) =>
    Array.from(byStatus, ([status, value]) => [{ method, route, status: String(status) }, value] as const),
  ),
);
histogram("portcullis_http_duration_seconds", "HTTP requests, from the first byte to the answer", [
  "method",
  "route",
]).readBy(() =>
  Array.from(byRoute.values(), ({ method, route, durations }) => [{ method, route }, durations] as const),
);
