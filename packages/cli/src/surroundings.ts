import type { ReadStream, WriteStream } from "node:tty";

/** What the program knows of the process that it runs in. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY">>;
  readonly stdout: WriteStream;
  readonly stderr: WriteStream;
}
