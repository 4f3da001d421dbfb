// What becomes of jobs. A queue is shared: whoever works on it tells the same of it.

import { counter, gauge } from "@portcullis/chassis/metrics";

const depth = gauge("portcullis_queue_jobs", "Jobs in a queue; those that failed for good are dead letters", [
  "queue",
  "state",
]);
const jobs = counter("portcullis_jobs_total", "Jobs that this process worked on", ["queue", "outcome"]);
const replaced = counter(
  "portcullis_queue_workers_replaced_total",
  "Workers that took no jobs where some waited, and were replaced",
  ["queue"],
);

/** As BullMQ calls them. */
const states = ["wait", "active", "delayed", "failed"] as const;
type State = (typeof states)[number];

/** What a process has done for a queue. */
export interface WorkDone {
  done: number;
  failed: number;
  replaced: number;
}

/** Tells how long a queue is, and what was done for it. */
export function tellOfQueue(
  queue: string,
  work: Readonly<WorkDone>,
  countJobs: (...states: State[]) => Promise<Readonly<Record<string, number>>>,
): Disposable {
  const parts = new DisposableStack();
  parts.use(
    depth.readBy(async () => {
      const counts = await countJobs(...states);
      return states.map((state) => [{ queue, state }, counts[state] ?? 0] as const);
    }),
  );
  parts.use(
    jobs.readBy(() => [
      [{ queue, outcome: "done" }, work.done],
      [{ queue, outcome: "failed" }, work.failed],
    ]),
  );
  parts.use(replaced.readBy(() => [[{ queue }, work.replaced]]));
  return parts;
}
