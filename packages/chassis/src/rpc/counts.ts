// How RPCs were answered. Each has numbers of its own, which it gets when its server is made.

import { status } from "@grpc/grpc-js";
import { Durations } from "../metrics/durations.ts";
import { counter, gauge, histogram } from "../metrics/metric.ts";

/** The numbers of one RPC. */
export class CallCounts {
  /** By gRPC status. */
  readonly ended = new Float64Array(statusNames.length);
  /** Of those that have one answer. */
  readonly durations = new Durations();
  /** How many go on now; null: it has one answer. */
  open: number | null = null;

  answered(code: status, ms: number): void {
    this.ended[code] = (this.ended[code] ?? 0) + 1;
    this.durations.add(ms);
  }

  opened(): void {
    this.open = (this.open ?? 0) + 1;
  }

  closed(code: status): void {
    this.open = (this.open ?? 0) - 1;
    this.ended[code] = (this.ended[code] ?? 0) + 1;
  }
}

const statusNames: readonly string[] = Array.from(
  { length: status.UNAUTHENTICATED + 1 },
  (_, code) => status[code] ?? "",
);

const byPath = new Map<string, CallCounts>();

/** The numbers of the RPC at this path; the same for all servers of the process. */
export function countsOf(path: string): CallCounts {
  const known = byPath.get(path);
  if (known !== undefined) return known;
  const counts = new CallCounts();
  byPath.set(path, counts);
  return counts;
}

counter("portcullis_rpc_calls_total", "RPCs that were answered, by gRPC status", ["rpc", "status"]).readBy(
  () =>
    all(({ ended }, rpc) =>
      statusNames.flatMap((status, code) => {
        const value = ended[code] ?? 0;
        return value === 0 ? [] : [[{ rpc, status }, value] as const];
      }),
    ),
);
histogram("portcullis_rpc_duration_seconds", "RPCs with one answer, from the request to the answer", [
  "rpc",
]).readBy(() =>
  all(({ durations }, rpc) => (durations.sumSeconds === 0 ? [] : [[{ rpc }, durations] as const])),
);
gauge("portcullis_rpc_streams", "RPCs with many requests or answers that are open", ["rpc"]).readBy(() =>
  all(({ open }, rpc) => (open === null ? [] : [[{ rpc }, open] as const])),
);

function all<T>(tell: (counts: CallCounts, rpc: string) => T[]): T[] {
  return Array.from(byPath, ([path, counts]) => tell(counts, path.slice(1))).flat();
}
