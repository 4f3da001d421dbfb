import { z } from "zod";

export const consolePath = "/console/";

const longest = 1000;

/** Where a browser goes once somebody has signed in: a page of the console, and nothing that a browser takes for another site. */
export const returnTo = z
  .string()
  .max(longest)
  .refine(isOfConsole, `must be a path below ${consolePath}`)
  .default(consolePath);

function isOfConsole(path: string): boolean {
  // Only what it stays when a browser has read it.
  const origin = "http://console.invalid";
  const read = URL.canParse(path, origin) ? new URL(path, origin) : null;
  return read?.origin === origin && read.href === `${origin}${path}` && read.pathname.startsWith(consolePath);
}
