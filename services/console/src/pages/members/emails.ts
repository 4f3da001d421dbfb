interface ReadEmails {
  readonly emails: readonly string[];
  /** The first line that holds no e-mail address. */
  readonly wrong: { readonly line: number; readonly text: string } | null;
}

/** E-mail addresses, one per line; empty lines and repetitions do not matter. */
export function readEmails(text: string): ReadEmails {
  const lines = text.split(/\r?\n/).map((line) => line.trim().replace(/[,;]$/, ""));
  const index = lines.findIndex((line) => line !== "" && !/^[^\s@]+@[^\s@]+$/.test(line));
  const emails = [...new Set(lines.filter((line) => line !== "").map((line) => line.toLowerCase()))];
  return { emails, wrong: index < 0 ? null : { line: index + 1, text: lines[index] ?? "" } };
}
