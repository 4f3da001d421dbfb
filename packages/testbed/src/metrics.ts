/** What a process tells of itself at the address that stands in its log. */
export interface ToldMetrics {
  readonly text: string;
  /** The sum of a metric's values that have these labels. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** `output`: what the process has written so far. */
export function metricsOf(output: () => string) {
  async function get(path: string): Promise<{ status: number; text: string }> {
    const address = /"metrics":"([^"]+)"/.exec(output())?.[1] ?? "";
    const answer = await fetch(`http://${address}${path}`);
    return { status: answer.status, text: await answer.text() };
  }
  return {
    get,
    async read(): Promise<ToldMetrics> {
      const { text } = await get("/metrics");
      return { text, sum: (name, labels = {}) => sumOf(text, name, labels) };
    },
  };
}

function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    const [, metric, told = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (metric !== name) continue;
    const has = new Set(told.split(/,(?=\w+=")/));
    if (Object.entries(labels).every(([label, of]) => has.has(`${label}="${of}"`))) sum += Number(value);
  }
  return sum;
}
