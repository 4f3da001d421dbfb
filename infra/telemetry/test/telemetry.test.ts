import { readFileSync } from "node:fs";
import { type Metric, metrics } from "@portcullis/chassis/metrics";
import "@portcullis/chassis/metrics/http-counts";
import "@portcullis/chassis/metrics/exposition";
import "@portcullis/chassis/rpc/server";
import "@portcullis/checks";
import "@portcullis/facts";
import "@portcullis/store";
import "@portcullis/store/queue-worker";
import { collectDefaultMetrics, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { type Selector, selectorsOf } from "./promql.ts";

const rule = z.strictObject({
  alert: z.string().regex(/^Portcullis[A-Za-z]+$/),
  expr: z.string(),
  for: z.string().regex(/^\d+[sm]$/),
  labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
  annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
});
const alertsFile = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule).min(1) })).min(1),
});
const dashboardFile = z.object({
  panels: z.array(
    z.object({
      id: z.number(),
      type: z.enum(["row", "timeseries"]),
      title: z.string(),
      targets: z
        .array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() }))
        .optional(),
    }),
  ),
});

const { groups } = alertsFile.parse(parse(read("../alerts.yaml")));
const rules = groups.flatMap((group) => group.rules);
const { panels } = dashboardFile.parse(JSON.parse(read("../dashboard.json")));
const targets = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));
const docs = read("../../../docs/observing.md");
const known = metricsOfProcesses();
/** Prometheus says so of every process that it scrapes. */
const labelsOfScrape = ["job", "instance", "service"];

test.each(rules)("$alert asks for what processes tell", ({ expr }) => {
  expectKnown(selectorsOf(expr));
});

test.each(targets)("the panel '$title' shows what processes tell", ({ expr, legendFormat }) => {
  const selectors = selectorsOf(asked(expr));
  expectKnown(selectors);
  const labels = selectors.flatMap(({ metric }) => labelsOf(metric));
  for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels).toContain(label);
});

test("every metric is in the dashboard or wakes somebody", () => {
  const expressions = [...rules, ...targets].map(({ expr }) => expr);
  const used = new Set(expressions.flatMap((expr) => selectorsOf(asked(expr))).map(({ metric }) => metric));
  const unused = metrics.filter((metric) => !partsOf(metric).some(([name]) => used.has(name)));
  expect(unused.map(({ name }) => name)).toEqual([]);
});

describe("the runbook", () => {
  const headings = [...docs.matchAll(/^### (\w+)$/gm)].map(([, heading = ""]) => heading);

  test.each(rules)("says what to do about $alert", ({ alert, annotations }) => {
    expect(annotations.runbook).toBe(`docs/observing.md#${alert.toLowerCase()}`);
    expect(headings).toContain(alert);
  });

  test("speaks of no alert that there is not", () => {
    expect(headings.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });
});

test("the table of metrics has all of them with their labels, and no other", () => {
  const rows = [...docs.matchAll(/^\| `(portcullis_\w+)` \|([^|]*)\|/gm)];
  const told = rows.map(([, name, labels = ""]) => `${name}: ${labels.replaceAll(/[` ]/g, "")}`);
  expect(told.toSorted()).toEqual(
    metrics.map(({ name, labels }) => `${name}: ${labels.join(",")}`).toSorted(),
  );
});

test.each([
  ["sum(rate(portcullis_no_such_total[5m]))", "portcullis_no_such_total"],
  ['portcullis_relay_seat{org="1"}', "org"],
  ["max by (org) (portcullis_relay_seat)", "org"],
  ["portcullis_relay_seat >", "malformed"],
])("a mistake is found: %s", (expr, named) => {
  expect(() => expectKnown(selectorsOf(expr))).toThrow(named);
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

/** What all processes together tell, by name: which labels it has. */
function metricsOfProcesses(): ReadonlyMap<string, readonly string[]> {
  const ofNode = new Registry();
  collectDefaultMetrics({ register: ofNode });
  return new Map<string, readonly string[]>([
    ["up", []],
    ...ofNode.getMetricsAsArray().map(({ name }) => [name, []] as const),
    ...metrics.flatMap((metric) => partsOf(metric)),
  ]);
}

function partsOf({ name, kind, labels }: Metric): [string, readonly string[]][] {
  if (kind !== "histogram") return [[name, labels]];
  return [
    [`${name}_bucket`, [...labels, "le"]],
    [`${name}_sum`, labels],
    [`${name}_count`, labels],
  ];
}

/** An expression as Grafana sends it. */
function asked(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m");
}

function labelsOf(metric: string): readonly string[] {
  return [...(known.get(metric) ?? []), ...labelsOfScrape];
}

function expectKnown(selectors: readonly Selector[]): void {
  expect(selectors.length).toBeGreaterThan(0);
  for (const { metric, labels } of selectors) {
    expect([...known.keys()]).toContain(metric);
    for (const label of labels) expect(labelsOf(metric), `a label of ${metric}`).toContain(label);
  }
}
