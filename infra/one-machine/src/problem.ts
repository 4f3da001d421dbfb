/** What the person at the keyboard can mend: one line that says what is wrong, and how to mend it. */
export class Problem extends Error {
  override readonly name = "Problem";
}

/** The one line that is shown for whatever was thrown; `folder` is where our data would have gone. */
export function oneLine(thrown: unknown, folder: string): string {
  if (thrown instanceof Problem) return thrown.message;
  if (isFullDisk(thrown)) return fullDisk(folder);
  return thrown instanceof Error ? firstLine(thrown.message) : String(thrown);
}

export function fullDisk(folder: string): string {
  return `the disk that holds ${folder} is full: free some space (1 GB is plenty) and start again`;
}

export function isFullDisk(thrown: unknown): boolean {
  return /ENOSPC|EDQUOT|no space left on device|disk quota exceeded/i.test(String(thrown));
}

export function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}
