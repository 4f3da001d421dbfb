import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { startOnLeash, stopLeftOver } from "../src/leash.ts";
import { identityOf } from "../src/process-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "portcullis-leash-"));

afterAll(() => rmSync(folder, { recursive: true }));

function options(name: string, args: readonly string[] = ["-c", "sleep 1000"]) {
  const log = join(folder, `${name}.log`);
  const record = join(folder, `${name}.record`);
  return { command: "/bin/sh", args, stopSignal: "SIGTERM", log, record } as const;
}

async function gone(pid: number): Promise<void> {
  while (identityOf(pid) !== null) await delay(10);
}

test("whoever is on the leash ends with us, even when we are killed", async () => {
  const leash = join(import.meta.dirname, "../src/leash.ts");
  const script = `
    import { startOnLeash } from ${JSON.stringify(leash)};
    const running = await startOnLeash(${JSON.stringify(options("killed"))});
    console.log(running.pid);
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  expect(identityOf(pid)).not.toBeNull();
  parent.kill("SIGKILL");
  await gone(pid);
});

test("a process is stopped with its signal, and by force if it does not heed it", async () => {
  const polite = await startOnLeash(
    options("polite", ["-c", "trap 'echo bye; exit 3' TERM; echo hello; while :; do sleep 0.05; done"]),
  );
  while (!polite.said().includes("hello")) await delay(10);
  await polite.stop();
  expect(await polite.ended).toBe("exit code 3");
  expect(polite.said()).toEqual(["hello", "bye"]);
  expect(polite.gone).toBe(true);

  const stubborn = await startOnLeash(options("stubborn"));
  stubborn.kill();
  expect(await stubborn.ended).toBe("signal SIGKILL");
});

test("what an earlier run left behind is ended by its record", async () => {
  const leftOver = await startOnLeash(options("left-over"));
  await stopLeftOver(join(folder, "left-over.record"));
  expect(identityOf(leftOver.pid)).toBeNull();
  expect(existsSync(join(folder, "left-over.record"))).toBe(false);
});

test("a record of a process whose number went to another one ends nobody", async () => {
  const bystander = await startOnLeash(options("bystander"));
  const record = join(folder, "stale.record");
  writeFileSync(record, `${bystander.pid}\nSIGTERM\nof another time\n`);
  await stopLeftOver(record);
  expect(bystander.gone).toBe(false);
  expect(existsSync(record)).toBe(false);
  await bystander.stop();
});
