// What this process counts. Whoever counts adds to a plain number of its own, and does no more than that; it is read when
// somebody scrapes, and where nobody does, never.

import type { Durations } from "./durations.ts";

/** Of what a value is the value. They come of closed sets: no organisation, no principal, nothing that callers made up. */
export type Labels<Label extends string = string> = Readonly<Record<Label, string>>;

export type Sample<Value, Label extends string = string> = readonly [labels: Labels<Label>, value: Value];

/** Tells the values as they are now. What it throws is counted, and its values are left out of that scrape. */
type Reader<Value, Label extends string> = () =>
  | Iterable<Sample<Value, Label>>
  | Promise<Iterable<Sample<Value, Label>>>;

/** A metric under one name, read from any number of places. */
export class Metric<Value extends number | Durations = number | Durations, Label extends string = string> {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: readonly Label[];
  readonly readers = new Set<Reader<Value, Label>>();

  constructor(kind: Metric["kind"], name: string, help: string, labels: readonly Label[]) {
    this.kind = kind;
    this.name = name;
    this.help = help;
    this.labels = labels;
    metrics.push(this);
  }

  /** Has this read at each scrape from now on, until it is disposed. */
  readBy(reader: Reader<Value, Label>): Disposable {
    this.readers.add(reader);
    return { [Symbol.dispose]: () => void this.readers.delete(reader) };
  }
}

/** All of this process, in the order in which they came to be. */
export const metrics: Metric[] = [];

/** Only ever grows. Its name ends in `_total`. */
export function counter<Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
): Metric<number, Label> {
  return new Metric<number, Label>("counter", name, help, labels);
}

/** Goes up and down. */
export function gauge<Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
): Metric<number, Label> {
  return new Metric<number, Label>("gauge", name, help, labels);
}

/** How long something takes. Its name ends in `_seconds`. */
export function histogram<Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
): Metric<Durations, Label> {
  return new Metric<Durations, Label>("histogram", name, help, labels);
}
