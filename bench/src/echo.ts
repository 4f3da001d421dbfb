import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinServer } from "./cores.ts";
import type { Target } from "./h2load.ts";

/**
 * The reference of most rows: a bare grpc-js server that answers each call like `like` with the same bytes, and neither
 * decodes nor encodes anything.
 */
export async function startEcho(like: Target): Promise<Target & AsyncDisposable> {
  const program = fileURLToPath(new URL("./echo-server.ts", import.meta.url));
  const child = spawn(process.execPath, [program, like.response.toString("base64")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const pid = child.pid ?? 0;
  pinServer(pid);
  return {
    ...like,
    name: "bare echo",
    address: `127.0.0.1:${port.toString().trim()}`,
    path: "/portcullis.bench.Echo/Echo",
    pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}
