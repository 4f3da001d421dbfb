import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as sendHttp } from "node:http";
import { connect as openSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "@portcullis/one-machine/free-port";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Sidecar, startSidecar } from "../src/sidecar.ts";
import { type System, startSystem } from "../src/system.ts";
import { type Account, makeTeam, type Team } from "../src/team.ts";

// A real Envoy with the example configuration, before an application that tells what it sees, beside a sidecar.

const program = process.env["ENVOY"] ?? "envoy";
const isThere = spawnSync(program, ["--version"]).status === 0;
const example = (name: string) => fileURLToPath(new URL(`../../../infra/envoy/${name}`, import.meta.url));
const mappingFile = example("mapping.yaml");

interface Seen {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Null: the application was not asked. */
  readonly seen: Seen | null;
}

describe.runIf(isThere)("behind a real Envoy", () => {
  const parts = new AsyncDisposableStack();
  let system: System;
  let team: Team;
  let sidecar: Sidecar;
  let port: number;
  let applicationPort: number;
  let application: Account;
  let stranger: Account;
  let lastSeen: Seen | null = null;

  beforeAll(async () => {
    system = parts.use(
      await startSystem({
        databaseServerUrl: inject("databaseUrl"),
        environment: { PORTCULLIS_ENVOY_MAPPING_FILE: mappingFile },
      }),
    );
    applicationPort = await listen();
    team = await makeTeam(system, 1);
    application = await team.newAccount("application");
    stranger = await team.newAccount("stranger");
    await team.join(application.id);
    sidecar = parts.use(
      await startSidecar({
        decisionAddress: system.decisionAddress,
        serviceToken: stranger.key,
        environment: { PORTCULLIS_ENVOY_MAPPING_FILE: mappingFile, PORTCULLIS_MAX_STALENESS_MS: "1000" },
      }),
    );
    port = await startEnvoy({ "/run/portcullis/sidecar.sock": sidecar.path });
  });
  afterAll(() => parts.disposeAsync());

  /** An Envoy with the example, but for these changes. Answers its port. */
  async function startEnvoy(changes: Readonly<Record<string, string>>): Promise<number> {
    const folder = await mkdtemp(join(tmpdir(), "envoy-"));
    parts.defer(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "envoy.yaml");
    const door = await freePort();
    const ports = {
      "port_value: 10000": `port_value: ${door}`,
      "port_value: 8000": `port_value: ${applicationPort}`,
    };
    let text = await readFile(example("envoy.yaml"), "utf8");
    for (const [before, after] of Object.entries({ ...ports, ...changes })) {
      expect(text).toContain(before);
      text = text.replace(before, after);
    }
    await writeFile(file, text);
    const envoy = spawn(program, ["-c", file, "--use-dynamic-base-id", "--log-level", "error"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PORTCULLIS_SERVICE_TOKEN: stranger.key },
    });
    parts.defer(() => end(envoy));
    await accepting(door, envoy);
    return door;
  }

  /** The application: it notes what comes to it. Answers its port. */
  async function listen(): Promise<number> {
    const server = createServer(({ method = "", url = "", rawHeaders }, response) => {
      lastSeen = { method, url, rawHeaders };
      response.end("the application");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    parts.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  /** Sends what no client library would, byte for byte. */
  async function send(
    method: string,
    path: string,
    headers: readonly (readonly [string, string])[] = [],
    at = port,
  ): Promise<Answer> {
    lastSeen = null;
    const sent = sendHttp({ host: "127.0.0.1", port: at, method, path: "/", agent: false });
    // Node's client would refuse some of these paths.
    Object.assign(sent, { path });
    for (const [name, value] of headers) {
      const before = sent.getHeader(name);
      sent.setHeader(name, before === undefined ? value : [before, value].flat().map(String));
    }
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    await once(response, "end");
    return { status: response.statusCode ?? 0, headers: response.headers, seen: lastSeen };
  }

  const experiment = () => `/experiments/${team.experimentId}`;
  const bearer = (key: string) => ["authorization", `Bearer ${key}`] as const;

  /** All values that the application saw under a name, however it is spelled. */
  function valuesOf(seen: Seen | null, name: string): string[] {
    const raw = seen?.rawHeaders ?? [];
    return raw.filter(
      (_value, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase().replaceAll("_", "-") === name,
    );
  }

  test("who may comes through, named and without their credential", async () => {
    const { status, seen } = await send("GET", `${experiment()}?x=/../y`, [bearer(application.key)]);
    expect(status).toBe(200);
    expect(seen).toMatchObject({ method: "GET", url: `${experiment()}?x=/../y` });
    expect(valuesOf(seen, "x-portcullis-principal")).toEqual([application.id]);
    expect(valuesOf(seen, "x-portcullis-organization")).toEqual([team.orgId]);
    expect(valuesOf(seen, "x-portcullis-revision")).toHaveLength(1);
    expect(valuesOf(seen, "authorization")).toEqual([]);
  });

  test("who may not does not", async () => {
    const path = experiment();
    expect(await send("GET", path, [bearer(stranger.key)])).toMatchObject({ status: 403, seen: null });
    expect(await send("PATCH", path, [bearer(application.key)])).toMatchObject({ status: 403, seen: null });
    expect(await send("GET", "/elsewhere", [bearer(application.key)])).toMatchObject({
      status: 403,
      seen: null,
    });
    const challenge = { "www-authenticate": "Bearer" };
    expect(await send("GET", path)).toMatchObject({ status: 401, seen: null, headers: challenge });
    expect(await send("GET", path, [bearer("sk-x")])).toMatchObject({
      status: 401,
      headers: challenge,
      seen: null,
    });
    const both = [bearer(application.key), bearer("sk-x")];
    expect(await send("GET", path, both)).toMatchObject({ seen: null });
  });

  test("what is public comes through for everybody, and names nobody", async () => {
    const forged = [
      ["x-portcullis-principal", application.id],
      ["X-Portcullis-Organization", team.orgId],
      ["x-portcullis-owner", "1"],
    ] as const;
    const { status, seen } = await send("GET", "/assets/logo.svg", forged);
    expect(status).toBe(200);
    for (const [name] of forged) expect(valuesOf(seen, name.toLowerCase())).toEqual([]);
  });

  test("nobody comes through as somebody else, nor with another method or path", async () => {
    const forged = [
      ["x-portcullis-principal", "forged"],
      ["x-portcullis-principal", "twice"],
      ["x-portcullis-revision", "forged"],
      ["x-portcullis-owner", "forged"],
      ["x-http-method-override", "DELETE"],
      ["x-original-url", "/settings"],
    ] as const;
    const { status, seen } = await send("GET", experiment(), [bearer(application.key), ...forged]);
    expect(status).toBe(200);
    expect(valuesOf(seen, "x-portcullis-principal")).toEqual([application.id]);
    expect(JSON.stringify(seen)).not.toContain("forged");
    expect(JSON.stringify(seen)).not.toContain("twice");
    expect(valuesOf(seen, "x-http-method-override")).toEqual([]);
    expect(valuesOf(seen, "x-original-url")).toEqual([]);
    const underscores = [bearer(application.key), ["x_portcullis_principal", "forged"]] as const;
    expect(await send("GET", experiment(), underscores)).toMatchObject({ status: 400, seen: null });
  });

  test("a credential in a cookie is taken out, and the other cookies stay", async () => {
    const cookie = ["cookie", `theme=dark; key=${application.key}; lang=en`] as const;
    const { status, seen } = await send("GET", `/pages/${team.projectId}`, [cookie]);
    expect(status).toBe(200);
    expect(valuesOf(seen, "cookie")).toEqual(["theme=dark; lang=en"]);
  });

  test.each([
    "/assets/../settings",
    "//settings",
    "/assets//../../settings",
    "/settings/",
    "/Settings",
    "/Assets/logo.svg",
    "/assets;x/logo.svg",
    "/assets/..;/settings",
    "/%73ettings",
    "/assets/%2e%2e/settings",
    "/assets/%2e%2e%2fsettings",
    "/assets/..%2fsettings",
    "/assets/..\\settings",
    "/assets/..%5csettings",
    "/assets/%252e%252e/settings",
    "/assets/%00",
    "/assets/\u{e9}",
    "/assets/%c0%ae%c0%ae/settings",
    "/assets/x#/../../settings",
    "http://127.0.0.1/settings",
    "*",
  ])("no spelling of a path leads somebody to where they may not: %s", async (path) => {
    const { status, seen } = await send("GET", path, [bearer(application.key)]);
    expect([400, 403, 404]).toContain(status);
    expect(seen).toBeNull();
  });

  test("what Envoy makes of a path is what is decided about, and what the application sees", async () => {
    const { status, seen } = await send("GET", `/x/..${experiment()}`, [bearer(application.key)]);
    expect({ status, url: seen?.url }).toEqual({ status: 200, url: experiment() });
  });

  test("decision itself may be asked, with a service token, and in the other form that Envoy has for headers", async () => {
    const [host = "", decisionPort = ""] = system.decisionAddress.split(":");
    const straight = await startEnvoy({
      "pipe: { path: /run/portcullis/sidecar.sock }": `socket_address: { address: ${host}, port_value: ${decisionPort} }`,
      "# initial_metadata": "initial_metadata",
      "encode_raw_headers: true": "encode_raw_headers: false",
    });
    const { status, seen } = await send("GET", experiment(), [bearer(application.key)], straight);
    expect(status).toBe(200);
    expect(valuesOf(seen, "x-portcullis-principal")).toEqual([application.id]);
    const refused = { status: 403, seen: null };
    expect(await send("GET", experiment(), [bearer(stranger.key)], straight)).toMatchObject(refused);
    const both = [bearer(application.key), bearer(stranger.key)];
    expect(await send("GET", experiment(), both, straight)).toMatchObject({ status: 401, seen: null });
  });

  test("a change is in force at once", async () => {
    await team.leave(application.id);
    await expect
      .poll(async () => (await send("GET", experiment(), [bearer(application.key)])).status)
      .toBe(403);
    await team.join(application.id);
    await expect
      .poll(async () => (await send("GET", experiment(), [bearer(application.key)])).status)
      .toBe(200);
  });

  test("nothing comes through without an answer: decision is gone, the sidecar hangs, the sidecar is gone", async () => {
    const asked = () => send("GET", experiment(), [bearer(application.key)]);
    await system.stop("decision");
    await expect.poll(asked).toMatchObject({ status: 503, seen: null, headers: { "retry-after": "1" } });
    await system.start("decision");
    await expect.poll(asked).toMatchObject({ status: 200 });
    process.kill(sidecar.pid, "SIGSTOP");
    expect(await asked()).toMatchObject({ status: 503, seen: null });
    process.kill(sidecar.pid, "SIGCONT");
    await expect.poll(asked).toMatchObject({ status: 200 });
    await sidecar.stop("SIGKILL");
    expect(await asked()).toMatchObject({ status: 503, seen: null });
    expect(await send("GET", "/health")).toMatchObject({ status: 503, seen: null });
  });
});

async function accepting(port: number, { exitCode }: ChildProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const socket = openSocket(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    if (exitCode !== null || Date.now() > deadline) throw new Error("Envoy does not listen");
    await delay(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
