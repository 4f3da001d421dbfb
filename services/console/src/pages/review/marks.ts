/** What the marks of a review mean, by the word that the review has for each. */
export const marks: Readonly<Record<string, { readonly name: string; readonly help: string }>> = {
  never_used: { name: "Never used", help: "No key of theirs was ever used" },
  expired: { name: "Expired", help: "It gives nothing any more" },
  former_member: { name: "Former member", help: "Its holder has left the organization" },
  duplicate: {
    name: "Duplicate",
    help: "Its holder has all of it by other grants too: remove one of them, then look again",
  },
  empty_group: { name: "Empty group", help: "Nobody is in the group, so the grant is of no use yet" },
  everybody: { name: "Everybody", help: "Everybody in the organization has this" },
};

export function markName(mark: string): string {
  const words = mark.replaceAll("_", " ");
  return marks[mark]?.name ?? words.slice(0, 1).toUpperCase() + words.slice(1);
}
