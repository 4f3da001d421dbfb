// The path that a decision is about. Proxies and servers disagree about paths that are not plain, and whoever finds two
// that disagree gets past the rules: such a path is no path here.

const charactersMax = 4096;

/** No empty segment, no parameter behind a `;`, no `!` (Envoy writes it for bytes that are no UTF-8), nothing raw that belongs encoded. */
const plain = /^(\/([\w.~$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+)*\/?$/;
const dotSegment = /\/\.{1,2}(\/|$)/;
/** Of ASCII. Whatever else is encoded hides what it is: a letter, a dot, a slash, a percent sign, a control character. */
const mayBeEncoded = " !\"$&'()*+,:<=>@[]^`{|}";
/** Controls, what can't be seen, half characters, and what is no character. */
const unseen = /\p{C}/u;

/** The path of a request target, decoded; null: there is more than one way to read it. */
export function pathOf(target: string): string | null {
  if (target.includes("#")) return null;
  const [path = ""] = target.split("?", 1);
  if (!path.startsWith("/") || path.length > charactersMax) return null;
  if (!plain.test(path) || dotSegment.test(path)) return null;
  for (const [, digits = ""] of path.matchAll(/%(..)/g)) {
    const code = Number.parseInt(digits, 16);
    if (code < 0x80 && !mayBeEncoded.includes(String.fromCharCode(code))) return null;
  }
  const decoded = decode(path);
  // Some servers take look-alikes for what they look like, as a full-width slash.
  if (decoded === null || unseen.test(decoded) || decoded.normalize("NFKC") !== decoded) return null;
  return decoded;
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
