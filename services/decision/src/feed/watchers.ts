import { Fault } from "@portcullis/chassis/fault";
import type { OrgId } from "@portcullis/policy";

const inOrganizationMax = 20;
const inProcessMax = 200;

/** How many watch, so that they are never too many for this process. */
export class Watchers {
  readonly #byOrg = new Map<OrgId, number>();
  #all = 0;

  /** Counts one more, until it is disposed. */
  enter(org: OrgId): Disposable {
    const here = this.#byOrg.get(org) ?? 0;
    if (here >= inOrganizationMax) throw tooMany(`${inOrganizationMax} watch this organization`);
    if (this.#all >= inProcessMax) throw tooMany(`${inProcessMax} watch`);
    this.#byOrg.set(org, here + 1);
    this.#all++;
    return {
      [Symbol.dispose]: () => {
        const left = (this.#byOrg.get(org) ?? 1) - 1;
        if (left === 0) this.#byOrg.delete(org);
        else this.#byOrg.set(org, left);
        this.#all--;
      },
    };
  }
}

function tooMany(how: string): Fault {
  return new Fault("exhausted", `${how} here already`, { retryAfterMs: 5000 });
}
