import { BinaryReader } from "@bufbuild/protobuf/wire";

/**
 * Reads texts in one step out of the bytes that Node gave. The library makes a list of its characters, or a view and a
 * decoder's call, for each, which was half of the garbage of a request that is all ids.
 */
export class TextReader extends BinaryReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super(bytes);
    this.#bytes = bytes;
  }

  override string(): string {
    const length = this.uint32();
    const start = this.pos;
    const end = start + length;
    if (end > this.len) throw new RangeError("premature EOF");
    this.pos = end;
    return this.#bytes.toString("utf8", start, end);
  }
}
