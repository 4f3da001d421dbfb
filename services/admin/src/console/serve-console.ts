// The built console: one page for all paths, and the assets that it names.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import { Fault } from "@portcullis/chassis/fault";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { headersOfConsole, newNonce } from "./headers.ts";

const noncePlace = "__CSP_NONCE__";
const assets = "/console/assets/";

/** Serves the folder that the console was built into, under /console/. It may be built, and built anew, at any time. */
export async function serveConsole(
  app: FastifyInstance,
  { folder, onAbsent }: { readonly folder: string; readonly onAbsent: (reply: FastifyReply) => FastifyReply },
): Promise<void> {
  const page = (_request: FastifyRequest, reply: FastifyReply) => sendPage(reply, folder);
  app.get("/", (_request, reply) => reply.redirect("/console/", 302));
  app.get("/console", (_request, reply) => reply.redirect("/console/", 302));
  await app.register(
    async (console) => {
      console.setNotFoundHandler((request, reply) =>
        request.method === "GET" && !request.url.startsWith(assets) ? page(request, reply) : onAbsent(reply),
      );
      // As it lies there it has no nonce.
      console.get("/index.html", page);
      await console.register(fastifyStatic, {
        root: folder,
        index: false,
        dotfiles: "ignore",
        cacheControl: false,
        preCompressed: true,
        // A folder is no file, whoever asks for it: without this who takes nothing packed gets an error.
        allowedPath: (path) => !path.endsWith("/"),
        suppressWarning: true,
        setHeaders(reply) {
          // Their names change with what is in them.
          if (reply.request.url.startsWith(assets)) {
            reply.header("cache-control", "public, max-age=31536000, immutable");
          }
        },
      });
    },
    { prefix: "/console" },
  );
}

async function sendPage(reply: FastifyReply, folder: string): Promise<FastifyReply> {
  const text = await readFile(join(folder, "index.html"), "utf8").catch((cause: unknown) => {
    throw new Fault("absent", "the console is not built", { cause });
  });
  const nonce = newNonce();
  return reply
    .type("text/html; charset=utf-8")
    .headers(headersOfConsole(nonce))
    .send(text.replaceAll(noncePlace, nonce));
}
