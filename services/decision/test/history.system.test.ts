import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Decision, hold, maxStalenessMs, until, World } from "./world.ts";

// Many ask while much changes and parts fail, and then every answer is judged by the true history: an answer is wrong if
// at no moment from the bound before it was asked for until it came was it the right one.

interface Asked {
  readonly start: number;
  readonly end: number;
  /** Null: unavailable. */
  readonly allowed: boolean | null;
}

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world[Symbol.asyncDispose]());

test("no answer is wrong, whatever fails meanwhile, and all is well when it stops failing", async () => {
  const decisions = [await world.decision(), await world.decision()];
  const asked: Asked[] = [];
  const over = new AbortController();
  const askers = decisions.flatMap((decision) => [1, 2].map(() => keepAsking(decision, asked, over.signal)));
  let changes = 0;
  const changing = (async () => {
    while (!over.signal.aborted) {
      const owner = pick(["identity", "groups", "grants"] as const);
      const position = world.set(owner, Math.random() < 0.8);
      changes += 1;
      // A third of the doorbells is lost, some are late.
      if (Math.random() < 0.66)
        void wait(Math.random() < 0.2 ? 300 : 0).then(() => world.ring(owner, position));
      await wait(Math.random() < 0.5 ? 5 : Math.random() * 400);
    }
  })();

  for (const fault of [
    () => world.redis.flushdb(),
    () => world.redis.del(world.marksKey),
    async () => world.redis.del("nothing", ...(await world.registerKeys())),
    () =>
      whileSo(
        () => world.gate.stall(),
        () => world.gate.open(),
      ),
    () =>
      whileSo(
        () => world.gate.cut(),
        () => world.gate.open(),
      ),
    ...(["identity", "groups", "grants"] as const).map(
      (owner) => () =>
        whileSo(
          () => void (world.owners[owner].isDown = true),
          () => void (world.owners[owner].isDown = false),
        ),
    ),
    () => {
      const held = hold(world.owners.grants, "load", "after");
      return whileSo(
        () => undefined,
        () => held.open(),
      );
    },
    () => {
      const held = hold(world.owners.groups, "readLog", "after");
      return whileSo(
        () => undefined,
        () => held.open(),
      );
    },
  ]) {
    await fault();
    await wait(200);
  }
  over.abort();
  await Promise.all([changing, ...askers]);

  const wrong = asked.filter(
    ({ start, end, allowed }) => allowed !== null && !world.truths(start - maxStalenessMs, end).has(allowed),
  );
  expect(wrong).toEqual([]);
  // Both answers must have been frequent, or nothing was judged.
  for (const answer of [true, false]) {
    expect(asked.filter(({ allowed }) => allowed === answer).length).toBeGreaterThan(50);
  }
  expect(changes).toBeGreaterThan(30);
  for (const owner of ["identity", "groups", "grants"] as const) world.set(owner, true);
  for (const decision of decisions) {
    await until(async () => await world.allowed(decision).catch(() => false));
  }
});

test("a process that is killed in the middle of a doorbell's job takes nothing along", async () => {
  const doomed = await startProcess(world);
  expect(await world.allowed(doomed.decision)).toBe(true);
  await world.warmRedis();
  const held = hold(world.owners.grants, "readLog", "after");
  await world.ring("grants", world.set("grants", false));
  await held.reached;
  doomed.process.kill("SIGKILL");
  await once(doomed.process, "exit");
  held.open();
  // Another finds registers in redis to which nobody has applied the event.
  const next = await world.decision();
  await until(async () => !(await world.allowed(next)), maxStalenessMs);
  const fresh = await world.decision();
  expect(await world.allowed(fresh, { kind: { $case: "fullyConsistent", value: {} } })).toBe(false);
  const head = String(world.owners.grants.head(world.org));
  await until(async () => (await world.redis.hget(world.marksKey, "app:grants")) === head);
  expect(await world.allowed(await world.decision())).toBe(false);
});

test("a process that was stopped for longer than the bound does not answer from before", async () => {
  const stopped = await startProcess(world);
  expect(await world.allowed(stopped.decision)).toBe(true);
  const asking = Array.from({ length: 50 }, () => world.allowed(stopped.decision));
  stopped.process.kill("SIGSTOP");
  await Promise.race([Promise.allSettled(asking), wait(50)]);
  world.set("identity", false);
  const late = Array.from({ length: 50 }, () => world.allowed(stopped.decision));
  await wait(2 * maxStalenessMs);
  stopped.process.kill("SIGCONT");
  for (const answer of await Promise.all(late)) expect(answer).toBe(false);
  await Promise.allSettled(asking);
});

async function keepAsking(decision: Decision, asked: Asked[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const start = performance.now();
    const allowed = await world.allowed(decision).catch(() => null);
    asked.push({ start, end: performance.now(), allowed });
    await wait(Math.random() * 5);
  }
}

async function startProcess(world: World): Promise<{ process: ChildProcess; decision: Decision }> {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const env = { ...world.environment, PATH: "", PORTCULLIS_LOG_LEVEL: "info" };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(() => said.includes('"msg":"listening"'), 30_000);
  const address = /"address":"([^"]+)"/.exec(said)?.[1] ?? "";
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { process: child, decision: world.reach(address, [], end) };
}

/** Longer than the bound, so that a lease runs out meanwhile. */
async function whileSo(begin: () => void, end: () => void): Promise<void> {
  begin();
  await wait(1.5 * maxStalenessMs);
  end();
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function pick<T>(choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(Math.random() * choices.length)] ?? choices[0];
}
