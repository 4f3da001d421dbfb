/** Scheme, host and port of an address, as a browser says them; null for what is none. */
export function originOfUrl(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}

/** Whether an address is on this very machine, where nobody listens on the way. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && loopback.test(new URL(url).hostname);
}

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;
