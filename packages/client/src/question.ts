// What can be asked, in plain words.

/** Something that access is about: its type, as `experiment`, and its id. */
export interface ObjectRef {
  readonly type: string;
  readonly id: string;
}

/** Where an object would be made: of which type, and under what. For `create`. */
export interface Place {
  readonly type: string;
  readonly under: ObjectRef;
}

/** What a question is about: something that is there, or a place for something. */
export type Target = ObjectRef | Place;

/** Who is asked about: a user or service account by id, or whoever holds an API key or service token. */
export type Who = { readonly principal: string } | { readonly credential: string };

/** May this principal do this to that object? */
export interface Question {
  readonly who: Who;
  /** `read`, `update`, ...: a permission of the catalog. */
  readonly permission: string;
  readonly object: Target;
}
