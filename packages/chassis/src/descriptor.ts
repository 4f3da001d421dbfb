import { readFile } from "node:fs/promises";

/** All contracts as `buf build` wrote them, for the reflection service. */
export async function descriptor(): Promise<Buffer> {
  return readFile(new URL(import.meta.resolve("@portcullis/proto/descriptor.binpb")));
}
