import { parseArgs } from "node:util";

export interface Arguments {
  /** What to measure; none: whatever can be. */
  readonly names: readonly string[];
  /** Where those listen that somebody has started, by name. */
  readonly addresses: Readonly<Record<string, string | undefined>>;
}

/** `[NAME...] [--ELSEWHERE HOST:PORT...]`. Throws an Error that tells a person what is wrong. */
export function readArguments(
  args: readonly string[],
  here: readonly string[],
  elsewhere: readonly string[],
): Arguments {
  const options = Object.fromEntries(elsewhere.map((name) => [name, { type: "string" } as const]));
  const { values: addresses, positionals: names } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
  });
  for (const name of names) {
    if (elsewhere.includes(name) && addresses[name] === undefined) {
      throw new Error(`${name} is measured where somebody has started it: say --${name} HOST:PORT`);
    }
    if (!here.includes(name) && !elsewhere.includes(name)) {
      throw new Error(`there is no \`${name}\`; there are: ${[...here, ...elsewhere].join(", ")}`);
    }
  }
  for (const [name, address = ""] of Object.entries(addresses)) {
    if (!/^[^\s/]+:\d+$/.test(address)) throw new Error(`--${name}: must be HOST:PORT`);
  }
  return { names, addresses };
}
