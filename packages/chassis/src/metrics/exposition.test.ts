import { expect, test } from "vitest";
import { Durations } from "./durations.ts";
import { exposition } from "./exposition.ts";
import { counter, gauge, histogram, metrics } from "./metric.ts";

test("what is counted is told as it is when somebody scrapes", async () => {
  const seen = { value: 1 };
  const metric = counter("seen_total", "What was seen", ["by"]);
  using _reader = metric.readBy(() => [[{ by: 'a "wall"\\\n' }, seen.value]]);
  seen.value = 2;
  expect(await exposition([metric], { service: "test" })).toBe(
    '# HELP seen_total What was seen\n# TYPE seen_total counter\nseen_total{service="test",by="a \\"wall\\"\\\\\\n"} 2\n',
  );
});

test("durations are told in classes, each with all that were shorter", async () => {
  const durations = new Durations();
  for (const ms of [0.05, 0.1, 0.2, 3, 7000]) durations.add(ms);
  const metric = histogram("work_seconds", "Work");
  using _reader = metric.readBy(() => [[{}, durations]]);
  const text = await exposition([metric], {});
  expect(text).toContain('work_seconds_bucket{le="0.0001"} 2\nwork_seconds_bucket{le="0.00025"} 3\n');
  expect(text).toContain('work_seconds_bucket{le="5"} 4\nwork_seconds_bucket{le="+Inf"} 5\n');
  expect(text).toMatch(/work_seconds_sum 7\.0033\d*\nwork_seconds_count 5\n$/);
});

test("what can't be read is left out and counted, and the rest is told", async () => {
  const metric = gauge("depth", "Depth", ["of"]);
  using _one = metric.readBy(() => Promise.reject(new Error("redis is away")));
  using _other = metric.readBy(() => [[{ of: "other" }, 3]]);
  const text = await exposition(metrics, {});
  expect(text).toContain('depth{of="other"} 3\n');
  expect(text).toContain('portcullis_metric_failures_total{metric="depth"} 1\n');
});

test("what is no longer read is told no more", async () => {
  const metric = gauge("gone", "Gone");
  metric.readBy(() => [[{}, 1]])[Symbol.dispose]();
  expect(await exposition([metric], {})).toBe("");
});
