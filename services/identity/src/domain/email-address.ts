/** An e-mail address as it was given, and the form in which two are compared. */
export interface EmailAddress {
  readonly text: string;
  readonly key: string;
}

/**
 * Addresses are ASCII, and so is lower case here: of other signs some have an ASCII letter for it, as the Kelvin sign has k,
 * and would name somebody else.
 */
export function emailKey(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
