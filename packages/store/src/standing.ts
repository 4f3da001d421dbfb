import { Fault } from "@portcullis/chassis/fault";

/**
 * Refuses to replace what has a name by now, unless it is what the caller was allowed to replace: it may have been deleted
 * meanwhile, and another one called so. Null: whatever has the name, or nothing.
 */
export function mustBeStanding(found: { readonly id: string } | null, allowed: string | null): void {
  if (allowed !== null && found?.id !== allowed) {
    throw new Fault("unavailable", "somebody else has taken the name meanwhile; try again", {
      retryAfterMs: 100,
    });
  }
}
