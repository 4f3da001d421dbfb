import { traced } from "@portcullis/chassis/trace";
import type { Job } from "bullmq";
import type { Doorbell } from "./doorbell.ts";

/** The work on a job, as a part of the work that rang, where that is traced. */
export function tracedJob(
  queue: string,
  work: (job: Doorbell) => Promise<void>,
): (job: Job<Doorbell>) => Promise<void> {
  const attributes = { "messaging.system": "bullmq", "messaging.destination.name": queue };
  return ({ data }) => {
    // Whoever can write to Redis may have put anything there.
    const parent: unknown = (data as Partial<Doorbell> | null)?.traceparent;
    if (typeof parent !== "string") return work(data);
    return traced({ kind: "consumer", name: queue, attributes, parent }, () => work(data));
  };
}
