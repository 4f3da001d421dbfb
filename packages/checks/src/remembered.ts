// What was decided of late. As long as no log has moved, the same question is decided the same, and need not be again.

import type { Moment } from "@portcullis/facts";
import type { Decided, PrincipalId, Question } from "@portcullis/policy";

/** A question about an object, asked of a principal, and its answer at one moment. */
interface Entry {
  readonly moment: Moment;
  readonly principal: PrincipalId;
  readonly permission: Question["permission"];
  readonly type: string;
  readonly id: string;
  readonly decided: Decided;
}

type Asked = Pick<Question, "principal" | "permission" | "target">;

/** A power of two. Each question has one slot, which it shares with others. */
const slotsMax = 16_384;
const slots = Array.from({ length: slotsMax }, (): Entry | null => null);
/** Of each slot, the mark of the question that was decided last: what is asked once is not worth to be kept. */
const marks = new Int32Array(slotsMax);

/** How it was decided at this moment, if that is remembered. */
export function recall(moment: Moment, { principal, permission, target }: Asked): Decided | null {
  if (target.kind !== "object") return null;
  const { type, id } = target.object;
  const mark = markOf(principal, permission, id);
  const slot = mark & (slotsMax - 1);
  if (marks[slot] !== mark) return null;
  const entry = slots[slot] ?? null;
  return entry !== null &&
    entry.moment === moment &&
    entry.permission === permission &&
    entry.type === type &&
    entry.id === id &&
    entry.principal === principal
    ? entry.decided
    : null;
}

/** Of what was decided at this moment, whatever holds as long as the moment does. */
export function remember(moment: Moment, { principal, permission, target }: Asked, decided: Decided): void {
  if (target.kind !== "object" || mayExpire(decided)) return;
  const { type, id } = target.object;
  const mark = markOf(principal, permission, id);
  const slot = mark & (slotsMax - 1);
  if (marks[slot] === mark) slots[slot] = { moment, principal, permission, type, id, decided };
  else marks[slot] = mark;
}

function mayExpire(decided: Decided): boolean {
  return decided.allowed && decided.because !== "public" && decided.because.acl.expiresAtMs !== null;
}

/** By what differs the most: the last characters of both ids, and the length and the first character of a permission. */
function markOf(principal: string, permission: string, id: string): number {
  let mark = permission.length + Math.imul(permission.charCodeAt(0), 31);
  for (let back = 1; back <= 6; back++) {
    mark = Math.imul(mark, 31) + principal.charCodeAt(principal.length - back);
    mark = Math.imul(mark, 31) + id.charCodeAt(id.length - back);
  }
  return (mark ^ (mark >>> 15)) | 0;
}
