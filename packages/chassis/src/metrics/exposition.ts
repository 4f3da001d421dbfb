// Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/

import { within } from "../within.ts";
import { Durations, durationBounds } from "./durations.ts";
import { counter, type Labels, type Metric, type Sample } from "./metric.ts";

/** No scrape waits longer than this for a value that must be asked for. */
const patienceMs = 1000;

const unread = new Map<string, number>();
const failures = counter(
  "portcullis_metric_failures_total",
  "Scrapes that a metric's values were left out of",
  ["metric"],
);
failures.readBy(() => Array.from(unread, ([metric, value]) => [{ metric }, value] as const));

/** The metrics as they are now, each sample with these labels too. */
export async function exposition(metrics: readonly Metric[], common: Labels): Promise<string> {
  const read = async (metric: Metric) => textOf(metric, await samplesOf(metric), common);
  // Failures last, so that they tell of this scrape too.
  const texts = await Promise.all(metrics.filter((metric) => metric !== failures).map(read));
  if (metrics.includes(failures)) texts.push(await read(failures));
  return texts.join("");
}

async function samplesOf(metric: Metric): Promise<Sample<number | Durations>[]> {
  const all: Sample<number | Durations>[] = [];
  await Promise.all(
    Array.from(metric.readers, async (reader) => {
      try {
        all.push(...(await inTime(reader())));
      } catch {
        unread.set(metric.name, (unread.get(metric.name) ?? 0) + 1);
      }
    }),
  );
  return all;
}

function inTime<T>(value: T | Promise<T>): T | Promise<T> {
  if (!(value instanceof Promise)) return value;
  return within(patienceMs, value, () => new Error("it took too long"));
}

function textOf(metric: Metric, samples: readonly Sample<number | Durations>[], common: Labels): string {
  if (samples.length === 0) return "";
  const lines = samples.flatMap(([labels, value]) => linesOf(metric.name, { ...common, ...labels }, value));
  return `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.kind}\n${lines.join("\n")}\n`;
}

function linesOf(name: string, labels: Labels, value: number | Durations): string[] {
  if (!(value instanceof Durations)) return [line(name, labels, value)];
  let count = 0;
  const buckets = Array.from(value.counts, (some, at) => {
    count += some;
    return line(`${name}_bucket`, { ...labels, le: numeral(durationBounds[at] ?? Infinity) }, count);
  });
  return [...buckets, line(`${name}_sum`, labels, value.sumSeconds), line(`${name}_count`, labels, count)];
}

function line(name: string, labels: Labels, value: number): string {
  const text = Object.entries(labels).map(([label, of]) => `${label}="${escaped(of)}"`);
  return `${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${numeral(value)}`;
}

function numeral(value: number): string {
  return String(value).replace("Infinity", "Inf").replace(/^Inf/, "+Inf");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
