/** Names come from others, and shall not steer a terminal. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

/** JSON for a terminal or a pipe; what JSON leaves of control characters is escaped too. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    /[\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
