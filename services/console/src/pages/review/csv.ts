/** Rows as CSV (RFC 4180). What a spreadsheet would take for a formula is made text. */
export function csvOf(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${[header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** Where a cell begins, or would begin in a spreadsheet that takes these for what parts cells, with what makes a formula. */
const formula = /(?<=^|[;\t\r\n]\s*)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g;

function cell(text: string): string {
  const safe = text.replaceAll(formula, "'");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
