import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  Client,
  credentials,
  Metadata,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { HeadsRequest, HeadsResponse } from "@portcullis/proto/facts/v1/facts";
import { service as healthService } from "grpc-health-check";
import { expect, onTestFinished, test } from "vitest";
import { descriptor } from "../src/descriptor.ts";
import { Fault, invalid } from "../src/fault.ts";
import { openLog } from "../src/log.ts";
import type { Call } from "../src/rpc/call.ts";
import { connect, type Stub } from "../src/rpc/client.ts";
import { implement, serve } from "../src/rpc/server.ts";
import { Probe } from "./probe.ts";

type Handle = (request: HeadsRequest, call: Call) => HeadsResponse | Promise<HeadsResponse>;

const serviceCredential = "x".repeat(32);
const answer: HeadsResponse = { positions: [1], incarnation: "i" };

async function probe(handle: Handle, listen = "127.0.0.1:0") {
  const server = await serve(
    { listen, serviceCredential, descriptor: await descriptor(), log: openLog("test", "silent") },
    [implement(Probe, { rest: ["test"] }, { heads: handle })],
  );
  const connection = connect({ peer: "probe", address: server.address, service: "test", serviceCredential });
  return {
    server,
    call: connection.stub(Probe).heads,
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function raw(address: string, metadata: Metadata): Promise<ServiceError | null> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      Probe.heads.path,
      Probe.heads.requestSerialize,
      Probe.heads.responseDeserialize,
      { orgIds: [] },
      metadata,
      (error) => {
        client.close();
        resolve(error);
      },
    );
  });
}

const request: HeadsRequest = { orgIds: [] };

test("answers, at once or later, over TCP and over a Unix socket", async () => {
  await using tcp = await probe(() => answer);
  await using socket = await probe(
    () => Promise.resolve(answer),
    `unix:/tmp/portcullis-rpc-${process.pid}.sock`,
  );
  expect(await tcp.call(request)).toEqual(answer);
  expect(await socket.call(request)).toEqual(answer);
});

test("a socket file that a killed server left behind is taken over, one in use is not", async () => {
  const file = `/tmp/portcullis-stale-${process.pid}.sock`;
  // A process that is killed while it listens leaves exactly such a file behind.
  spawnSync(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  expect(existsSync(file)).toBe(true);
  const path = `unix:${file}`;
  await using first = await probe(() => answer, path);
  await expect(probe(() => answer, path)).rejects.toThrow("another process does");
  expect(await first.call(request)).toEqual(answer);
});

test("what stands where a socket should, and is none, is left as it is", async () => {
  const folder = mkdtempSync("/tmp/portcullis-no-socket-");
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "precious");
  const link = join(folder, "link");
  writeFileSync(file, "kept");
  symlinkSync(file, link);
  for (const path of [file, link, folder]) {
    await expect(probe(() => answer, `unix:${path}`)).rejects.toThrow("is no socket");
  }
  expect(readFileSync(link, "utf8")).toBe("kept");
});

test("a fault crosses the wire with its kind, its message and its field", async () => {
  await using peer = await probe(() => {
    throw invalid("org_ids[3]", "must be a lower-case UUID");
  });
  await expect(peer.call(request)).rejects.toMatchObject({
    kind: "invalid",
    field: "org_ids[3]",
    message: "org_ids[3]: must be a lower-case UUID",
  });
});

test("a field may hold any character", async () => {
  await using peer = await probe(() => {
    throw invalid("naïve\n键", "is wrong");
  });
  await expect(peer.call(request)).rejects.toMatchObject({ field: "naïve\n键" });
});

test("a bug shows outside as internal and nothing else", async () => {
  await using peer = await probe(async () => {
    throw new Error("select secret from credential");
  });
  await expect(peer.call(request)).rejects.toMatchObject({ kind: "internal", message: "internal" });
});

test("a peer that is not there is unavailable", async () => {
  const peer = await probe(() => answer);
  await peer.server[Symbol.asyncDispose]();
  await expect(peer.call(request)).rejects.toMatchObject({
    kind: "unavailable",
    message: "probe is not available",
  });
});

test("a call without the service credential, or with a wrong one, never reaches the handler", async () => {
  let reached = false;
  await using peer = await probe(() => {
    reached = true;
    return answer;
  });
  const wrong = new Metadata();
  wrong.set("x-portcullis-credential", "y".repeat(32));
  for (const metadata of [new Metadata(), wrong]) {
    expect((await raw(peer.server.address, metadata))?.code).toBe(status.UNAUTHENTICATED);
  }
  expect(reached).toBe(false);
});

test("a service that an RPC does not list never reaches the handler, and it is its fault, not its user's", async () => {
  let reached = 0;
  await using running = await probe(() => {
    reached += 1;
    return answer;
  });
  const { address } = running.server;
  for (const service of ["admin", "tests", "Test", ""]) {
    using connection = connect({ peer: "probe", address, service, serviceCredential });
    const refused = connection.stub(Probe).heads(request);
    await expect(refused).rejects.toMatchObject({ kind: "internal", message: "internal" });
    const metadata = new Metadata();
    metadata.set("x-portcullis-credential", serviceCredential);
    metadata.set("x-portcullis-service", service);
    expect((await raw(address, metadata))?.code).toBe(status.PERMISSION_DENIED);
  }
  expect(reached).toBe(0);
});

test("a method that is spelled otherwise is none, with the credential too", async () => {
  let reached = false;
  await using peer = await probe(() => {
    reached = true;
    return answer;
  });
  const session = connectHttp2(`http://${peer.server.address}`);
  try {
    for (const path of [
      "portcullis.facts.v1.Facts/Heads",
      "//portcullis.facts.v1.Facts/Heads",
      "/portcullis.facts.v1.Facts/Heads/",
      "/portcullis.facts.v1.Facts/heads",
      "/portcullis.facts.v1.Facts/%48eads",
      "/portcullis.facts.v1.Facts/Heads?x",
      "/other/../portcullis.facts.v1.Facts/Heads",
    ]) {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        "x-portcullis-credential": serviceCredential,
      });
      stream.end(Buffer.alloc(5));
      // HTTP/2 itself refuses some of them.
      const [headers] = await once(stream, "response").catch(() => [{ "grpc-status": status.UNIMPLEMENTED }]);
      const code = Number((headers as Record<string, unknown>)["grpc-status"]);
      expect({ path, code }).toEqual({ path, code: status.UNIMPLEMENTED });
      stream.close();
    }
  } finally {
    session.destroy();
  }
  expect(reached).toBe(false);
});

test("the request id goes through; one that would harm a log is replaced", async () => {
  const seen: string[] = [];
  await using peer = await probe((_, call) => {
    seen.push(call.requestId);
    return answer;
  });
  await peer.call(request, { requestId: "abc-1" });
  await peer.call(request, { requestId: "x".repeat(200) });
  expect(seen[0]).toBe("abc-1");
  expect(seen[1]).toMatch(/^[0-9a-f-]{36}$/);
});

test("a caller that goes away aborts the handler", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const reached = Promise.withResolvers<void>();
  await using peer = await probe((_, call) => {
    call.signal.addEventListener("abort", () => aborted.resolve(call.signal.reason));
    reached.resolve();
    return new Promise(() => undefined);
  });
  const leaving = new AbortController();
  const call = peer.call(request, { signal: leaving.signal });
  await reached.promise;
  leaving.abort();
  await expect(call).rejects.toMatchObject({ kind: "cancelled" });
  expect(await aborted.promise).toBeInstanceOf(Fault);
});

test("a caller's deadline ends the call, and what it is told names no address", async () => {
  await using peer = await probe(() => new Promise(() => undefined));
  await expect(peer.call(request, { deadlineMs: Date.now() + 50 })).rejects.toMatchObject({
    kind: "timeout",
    message: expect.stringMatching(/^probe did not answer in time$|^the call took too long$/),
  });
});

/** A call of whoever is outside, and one of our own. */
async function bothWays(handle: Handle, use: (calls: Record<"outside" | "ours", Ask>) => Promise<void>) {
  await using server = await serve(
    {
      listen: "127.0.0.1:0",
      serviceCredential,
      authenticate: () => ({ kind: "other", principalId: "p", orgId: "o" }),
      descriptor: null,
      log: openLog("test", "silent"),
    },
    [implement(Probe, { rest: ["test"] }, { heads: handle })],
  );
  const { address } = server;
  using outside = connect({ peer: "probe", address, serviceToken: () => "token" });
  using ours = connect({ peer: "probe", address, service: "test", serviceCredential });
  await use({ outside: outside.stub(Probe).heads, ours: ours.stub(Probe).heads });
}

type Ask = Stub<typeof Probe>["heads"];

test("who is outside asks again where there was too much to do, while there is time; our own services do not", async () => {
  let asked = 0;
  const busy = () => {
    asked++;
    if (asked < 3) throw new Fault("exhausted", "too much at once");
    return answer;
  };
  await bothWays(busy, async ({ outside, ours }) => {
    expect(await outside(request)).toEqual(answer);
    expect(asked).toBe(3);
    asked = 0;
    await expect(ours(request)).rejects.toMatchObject({ kind: "exhausted" });
    expect(asked).toBe(1);
    asked = -1_000_000;
    await expect(outside(request, { deadlineMs: Date.now() + 60 })).rejects.toMatchObject({
      kind: expect.stringMatching(/exhausted|timeout/),
    });
  });
});

test("who is outside waits as long as it says, our own services no longer than five seconds", async () => {
  let leftMs = 0;
  const note = (_: HeadsRequest, { deadlineMs }: Call) => {
    leftMs = (deadlineMs ?? 0) - Date.now();
    return answer;
  };
  await bothWays(note, async ({ outside, ours }) => {
    const minute = { deadlineMs: Date.now() + 60_000 };
    await outside(request, minute);
    expect(leftMs).toBeGreaterThan(20_000);
    await ours(request, minute);
    expect(leftMs).toBeLessThan(6000);
  });
});

test("health says that it serves, to anybody", async () => {
  await using peer = await probe(() => answer);
  const client = new Client(peer.server.address, credentials.createInsecure());
  const check = healthService["Check"];
  if (check === undefined) throw new Error("no such method");
  const response = await new Promise<unknown>((resolve, reject) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: "" },
      (error, message) => (error ? reject(error) : resolve(message)),
    );
  });
  client.close();
  expect(response).toMatchObject({ status: "SERVING" });
});

interface Listed {
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] };
}

interface Found {
  readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Uint8Array[] };
}

test("reflection tells which contracts are served, and their files", async () => {
  await using peer = await probe(() => answer);
  const reflection = fileURLToPath(
    new URL("../proto/grpc/reflection/v1/reflection.proto", import.meta.resolve("@grpc/reflection")),
  );
  const definition = loadSync(reflection, { includeDirs: [dirname(reflection)] })[
    "grpc.reflection.v1.ServerReflection"
  ] as ServiceDefinition;
  const method = definition["ServerReflectionInfo"];
  if (method === undefined) throw new Error("no such method");
  const client = new Client(peer.server.address, credentials.createInsecure());
  const stream = client.makeBidiStreamRequest<object, object>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
  );
  stream.write({ listServices: "" });
  stream.write({ fileContainingSymbol: "portcullis.facts.v1.Facts" });
  stream.end();
  const [listed, found] = (await stream.toArray()) as [Listed, Found];
  client.close();
  expect(listed.listServicesResponse.service).toEqual([{ name: "portcullis.facts.v1.Facts" }]);
  const files = found.fileDescriptorResponse.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
  expect(files.map(({ name }) => name)).toContain("portcullis/facts/v1/facts.proto");
  // A client resolves the types of fields by their full names, in the files that came with them.
  const types = files.flatMap(({ messageType }) =>
    messageType.flatMap(({ field }) => field.map((one) => one.typeName)),
  );
  expect(types.filter((type) => type !== "" && !type.startsWith("."))).toEqual([]);
  expect(types).toContain(".portcullis.events.v1.FactKey");
});
