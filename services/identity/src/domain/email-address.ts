/** An e-mail address as it was given, and the form in which two are compared. */
export interface EmailAddress {
  readonly text: string;
  readonly key: string;
}

/** Addresses are ASCII, so that lower case is one and the same for everybody. */
export function emailKey(text: string): string {
  return text.toLowerCase();
}
