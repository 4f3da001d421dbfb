/** Something that a process can't do its work without. */
export interface Need {
  readonly name: string;
  /** Throws if it is not there. */
  readonly isThere: () => Promise<void>;
}
