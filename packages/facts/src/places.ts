import type { FactKey } from "@portcullis/policy";
import { factKeyText } from "./fact-key.ts";

/**
 * The facts of one organisation by their names. Each is found by the id that a question brings, as it is: to put a name
 * together, and to hash it, would take longer than all the rest of finding a fact.
 */
export class Places<Place> {
  readonly #members = new Map<string, Place>();
  readonly #memberships = new Map<string, Place>();
  readonly #credentials = new Map<string, Place>();
  readonly #access = new Map<string, Map<string, Place>>();
  readonly #acls = new Map<string, Map<string, Place>>();
  /** Whatever is seldom asked for, or is there once. */
  readonly #others = new Map<string, Place>();
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get(key: FactKey): Place | undefined {
    return this.#among(key)?.get(idOf(key));
  }

  put(key: FactKey, place: Place): void {
    const among = this.#among(key) ?? this.#begin(key);
    const before = among.size;
    among.set(idOf(key), place);
    this.#count += among.size - before;
  }

  remove(key: FactKey): void {
    if (this.#among(key)?.delete(idOf(key)) === true) this.#count -= 1;
  }

  #among(key: FactKey): Map<string, Place> | undefined {
    switch (key.kind) {
      case "member":
        return this.#members;
      case "memberships":
        return this.#memberships;
      case "credential":
        return this.#credentials;
      case "access":
        return this.#access.get(key.object.type);
      case "acls":
        return this.#acls.get(key.object.type);
      default:
        return this.#others;
    }
  }

  /** The first fact about objects of its type. */
  #begin(key: FactKey): Map<string, Place> {
    const made = new Map<string, Place>();
    if (key.kind === "access") this.#access.set(key.object.type, made);
    if (key.kind === "acls") this.#acls.set(key.object.type, made);
    return made;
  }
}

function idOf(key: FactKey): string {
  switch (key.kind) {
    case "member":
    case "memberships":
      return key.principal;
    case "credential":
      return key.digest;
    case "access":
    case "acls":
      return key.object.id;
    default:
      return factKeyText(key);
  }
}
