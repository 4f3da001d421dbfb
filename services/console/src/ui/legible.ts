// Names are others' choice: none may look like another by what nobody sees.

/** Joins letters of scripts and pictures that need it, and is seen by what it does there. */
const atWork = /(?<=\P{ASCII})[\u200c\u200d](?=\P{ASCII})|(?<=\p{Extended_Pictographic})\ufe0f/u;
const unseen = new RegExp(
  `(?!${atWork.source})[\\p{Default_Ignorable_Code_Point}\\p{Bidi_Control}\\p{Cc}]`,
  "gu",
);
/** Browsers leave out blanks at the ends and all but one between, and draw every kind alike. */
const unseenBlank = /^\s|\s$|(?<=\s)\s|[^\S ]/gu;

/** A name with marks where it holds what nobody sees, or what turns the text around it. */
export function legible(name: string): string {
  return name.replaceAll(unseenBlank, "\u2423").replaceAll(unseen, "\ufffd");
}
