import type {
  CredentialDigest,
  FactKey,
  ObjectId,
  ObjectRef,
  ObjectType,
  PrincipalId,
} from "@portcullis/policy";
import { factKeyText } from "./fact-key.ts";

/**
 * Things that are kept for the facts of one organisation. Each is found by the id that a question brings, as it is: to put
 * a name together, and to hash it, would take longer than all the rest of finding a fact.
 */
export class Places<Thing> {
  // Made when there is something to put into them.
  #members: Shelf<Thing> | undefined;
  #memberships: Shelf<Thing> | undefined;
  #credentials: Shelf<Thing> | undefined;
  #access: Map<ObjectType, Shelf<Thing>> | undefined;
  #parents: Map<ObjectType, Shelf<Thing>> | undefined;
  #acls: Map<ObjectType, Shelf<Thing>> | undefined;
  /** Whatever is seldom asked for, or is there once. */
  #others: Shelf<Thing> | undefined;

  member(principal: PrincipalId): Thing | undefined {
    return this.#members?.get(principal);
  }

  memberships(principal: PrincipalId): Thing | undefined {
    return this.#memberships?.get(principal);
  }

  groups(): Thing | undefined {
    return this.#others?.get("groups");
  }

  roles(): Thing | undefined {
    return this.#others?.get("roles");
  }

  access({ type, id }: ObjectRef): Thing | undefined {
    return this.#access?.get(type)?.get(id);
  }

  parents({ type, id }: ObjectRef): Thing | undefined {
    return this.#parents?.get(type)?.get(id);
  }

  credential(digest: CredentialDigest): Thing | undefined {
    return this.#credentials?.get(digest);
  }

  get(key: FactKey): Thing | undefined {
    return this.#known(key)?.get(idOf(key));
  }

  put(key: FactKey, thing: Thing): void {
    this.shelf(key).set(idOf(key), thing);
  }

  /** Where things stand for facts like this one. */
  shelf(like: FactKey): Shelf<Thing> {
    return this.#known(like) ?? this.#begin(like);
  }

  #known(key: FactKey): Shelf<Thing> | undefined {
    switch (key.kind) {
      case "member":
        return this.#members;
      case "memberships":
        return this.#memberships;
      case "credential":
        return this.#credentials;
      case "access":
        return this.#access?.get(key.object.type);
      case "parents":
        return this.#parents?.get(key.object.type);
      case "acls":
        return this.#acls?.get(key.object.type);
      default:
        return this.#others;
    }
  }

  #begin(like: FactKey): Shelf<Thing> {
    const begun = new Shelf<Thing>(like);
    switch (like.kind) {
      case "member":
        this.#members = begun;
        break;
      case "memberships":
        this.#memberships = begun;
        break;
      case "credential":
        this.#credentials = begun;
        break;
      case "access":
        this.#access ??= new Map();
        this.#access.set(like.object.type, begun);
        break;
      case "parents":
        this.#parents ??= new Map();
        this.#parents.set(like.object.type, begun);
        break;
      case "acls":
        this.#acls ??= new Map();
        this.#acls.set(like.object.type, begun);
        break;
      default:
        this.#others = begun;
    }
    return begun;
  }
}

/** Things for facts that their ids alone tell apart. */
export class Shelf<Thing> extends Map<string, Thing> {
  /** One of these facts. */
  readonly like: FactKey;

  constructor(like: FactKey) {
    super();
    this.like = like;
  }

  /** The name of the fact with this id; see {@link factKeyText}. */
  nameOf(id: string): string {
    const { like } = this;
    switch (like.kind) {
      case "member":
      case "memberships":
        return factKeyText({ ...like, principal: id as PrincipalId });
      case "credential":
        return factKeyText({ ...like, digest: id as CredentialDigest });
      case "access":
      case "parents":
      case "acls":
        return factKeyText({ ...like, object: { ...like.object, id: id as ObjectId } });
      default:
        return id;
    }
  }
}

/** What tells the fact apart from others like it. */
export function idOf(key: FactKey): string {
  switch (key.kind) {
    case "member":
    case "memberships":
      return key.principal;
    case "credential":
      return key.digest;
    case "access":
    case "parents":
    case "acls":
      return key.object.id;
    default:
      return factKeyText(key);
  }
}
