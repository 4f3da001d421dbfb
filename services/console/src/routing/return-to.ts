const home = "/console/";

/** Where to go after signing in: a path of the console, whatever the URL says. */
export function consolePath(wanted: string | undefined): string {
  if (wanted === undefined || !wanted.startsWith("/")) return home;
  const url = new URL(wanted, location.origin);
  if (url.origin !== location.origin) return home;
  const path = url.pathname.startsWith(home) ? url.pathname : `/console${url.pathname}`;
  return `${path}${url.search}${url.hash}`;
}
