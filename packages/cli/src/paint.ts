import { styleText } from "node:util";

export const plain = (_style: Style, text: string): string => text;

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (style: Style, text: string) => string;

/** Colours where they are seen: on a terminal, unless NO_COLOR says otherwise. */
export function paintFor(stream: NodeJS.WritableStream): Paint {
  return (style, text) => styleText(style, text, { stream, validateStream: true });
}
