import { randomUUID } from "node:crypto";
import { Braintrust } from "@braintrust/api";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../../src/system.ts";

// Who asks too often waits: each credential and each address has its share of a minute, counted by all processes together.

const perCredential = 40;
const perAddress = 200;

const parts = new AsyncDisposableStack();
let system: System;
const redis = parts.use(new AsyncDisposableStack());
beforeAll(async () => {
  const { url: redisUrl } = redis.use(await throwawayRedis());
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      redisUrl,
      environment: {
        PORTCULLIS_RATE_LIMIT_CREDENTIAL: String(perCredential),
        PORTCULLIS_RATE_LIMIT_ADDRESS: String(perAddress),
        PORTCULLIS_TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8",
      },
    }),
  );
});
afterAll(() => parts.disposeAsync());

let addresses = 0;
function newAddress(): string {
  addresses++;
  return `192.0.2.${addresses}`;
}

async function newKey(): Promise<string> {
  const owner = { email: `${randomUUID()}@example.com` };
  const { ownerKey } = await createOrganization(system, { name: randomUUID(), owner });
  return ownerKey;
}

async function ask(key: string, address: string) {
  const response = await fetch(`${system.adminUrl}/v1/organization`, {
    headers: { authorization: `Bearer ${key}`, "x-forwarded-for": address },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Asks until it is refused; answers how often it was not, and the refusal. */
async function askUntilRefused(key: string, address: string, most: number) {
  for (let count = 0; count < most; count++) {
    const answer = await ask(key, address);
    if (answer.status === 429) return { count, answer };
  }
  throw new Error(`${most} requests were not refused`);
}

function expectRefusal({ headers, body }: Awaited<ReturnType<typeof ask>>, share: string): void {
  expect(body).toMatchObject({
    error: `too many requests: at most ${share}`,
    code: "RESOURCE_EXHAUSTED",
  });
  const wait = Number(headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);
}

test("a credential has its share, wherever it asks from, and takes nothing from another one's", async () => {
  const [key, other] = [await newKey(), await newKey()];
  const { count, answer } = await askUntilRefused(key, newAddress(), perCredential + 1);
  expect(count).toBe(perCredential);
  expectRefusal(answer, `${perCredential} a minute from one credential`);
  expect((await ask(key, newAddress())).status).toBe(429);
  expect((await ask(other, newAddress())).status).toBe(200);
});

test("the public API's own client says that it is told to wait", async () => {
  const key = await newKey();
  await askUntilRefused(key, newAddress(), perCredential + 1);
  const client = new Braintrust({ apiKey: key, baseURL: system.adminUrl, maxRetries: 0 });
  const refused = client.project.list({}, { headers: { "x-forwarded-for": newAddress() } });
  await expect(refused).rejects.toBeInstanceOf(Braintrust.RateLimitError);
  await expect(refused).rejects.toMatchObject({ headers: { "retry-after": expect.stringMatching(/^\d+$/) } });
});

test("a process that is started anew goes on counting", async () => {
  const key = await newKey();
  await askUntilRefused(key, newAddress(), perCredential + 1);
  await system.stop("admin");
  await system.start("admin");
  expect((await ask(key, newAddress())).status).toBe(429);
});

test("an address has its share, whoever asks, and a wrong credential costs more", async () => {
  const address = newAddress();
  const guesses = await askUntilRefused("sk-guess", address, perAddress);
  expect(guesses.count).toBe(Math.ceil(perAddress / 30));
  expectRefusal(guesses.answer, `${perAddress} a minute from one address`);
  // Now it makes no difference whether the next guess is right.
  const key = await newKey();
  expect((await ask(key, address)).status).toBe(429);
  expect((await ask(key, newAddress())).status).toBe(200);
});

test("a wrong key to sign in with costs as much, and a right one counts as a request of the key", async () => {
  const signIn = (key: string, address: string) =>
    fetch(`${system.adminUrl}/v1/access/session`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": address },
      body: JSON.stringify({ api_key: key }),
    });
  const address = newAddress();
  let guesses = 0;
  while ((await signIn("sk-guess", address)).status === 401) guesses++;
  expect(guesses).toBe(Math.ceil(perAddress / 30));
  const key = await newKey();
  expect((await signIn(key, address)).status).toBe(429);
  let times = 0;
  while ((await signIn(key, newAddress())).status === 200) times++;
  expect(times).toBe(perCredential);
  expect((await ask(key, newAddress())).status).toBe(429);
});

test("all sessions of a user have one share", async () => {
  const key = await newKey();
  const sessions = await Promise.all(
    [1, 2].map(async () => {
      const answer = await fetch(`${system.adminUrl}/v1/access/session`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ api_key: key }),
      });
      return answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    }),
  );
  const askWith = (cookie: string) =>
    fetch(`${system.adminUrl}/v1/organization`, {
      headers: { cookie, "x-forwarded-for": newAddress() },
    });
  let times = 0;
  while ((await askWith(sessions[times % 2] ?? "")).status === 200) times++;
  expect(times).toBe(perCredential);
});

test("what is asked without a credential is not counted", async () => {
  const address = newAddress();
  await askUntilRefused("sk-guess", address, perAddress);
  for (const path of ["/v1", "/version", "/healthz"]) {
    const { status } = await fetch(`${system.adminUrl}${path}`, { headers: { "x-forwarded-for": address } });
    expect(status).toBe(200);
  }
});

test("while Redis is away each process counts alone, and answers", async () => {
  const key = await newKey();
  await redis.disposeAsync();
  const { count } = await askUntilRefused(key, newAddress(), perCredential * 2);
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(perCredential);
});
