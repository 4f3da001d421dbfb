// A browser as far as sessions are concerned: what it keeps of cookies, which it sends along, and what it says of where a
// request comes from.

/** What a browser does with a page's request, beside sending it. */
interface Sending {
  readonly method?: string;
  /** The page that asks; null: somebody typed the address. */
  readonly from?: string | null;
  /** The page is left for what comes. */
  readonly navigates?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Cookie {
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** An answer, and the address that gave it. */
export interface Answered {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const redirectsMax = 10;

export class Browser {
  readonly #hosts: ReadonlyMap<string, string>;
  readonly #cookies = new Map<string, Map<string, Cookie>>();

  /** With the address at which each origin is really reached, where that is another one. */
  constructor(hosts: Readonly<Record<string, string>> = {}) {
    this.#hosts = new Map(Object.entries(hosts));
  }

  /** Goes to an address, and on to wherever it is sent. */
  async goTo(url: string, from: string | null = null): Promise<Answered> {
    return (await this.follow(url, from)).at(-1) as Answered;
  }

  /** The same, with every answer on the way. */
  async follow(url: string, from: string | null = null): Promise<Answered[]> {
    const answers: Answered[] = [];
    let next: string | null = url;
    // Who comes from another site comes from there through all redirects.
    let origin = from;
    while (next !== null) {
      const answer: Answered = await this.send(next, { from: origin, navigates: true });
      answers.push(answer);
      const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get("location") : null;
      const there: string | null = location === null ? null : new URL(location, next).href;
      if (there !== null && originOf(there) !== originOf(next)) origin = next;
      next = there;
      if (answers.length > redirectsMax) throw new Error(`too many redirects at ${url}`);
    }
    return answers;
  }

  /** A request of a page. */
  async send(url: string, { method = "GET", from = null, navigates = false, headers, body }: Sending = {}) {
    const origin = originOf(url);
    const site = from === null ? "none" : originOf(from) === origin ? "same-origin" : "cross-site";
    const cookies = this.#cookiesFor(origin, (sameSite) =>
      sameSite === "Lax" && navigates && method === "GET" ? true : site !== "cross-site",
    );
    const reached = `${this.#hosts.get(origin) ?? origin}${url.slice(origin.length)}`;
    const response = await fetch(reached, {
      method,
      redirect: "manual",
      headers: {
        "sec-fetch-site": site,
        ...(from !== null && method !== "GET" && { origin: originOf(from) }),
        ...(cookies !== "" && { cookie: cookies }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    for (const text of response.headers.getSetCookie()) this.#keep(origin, text);
    const { status, headers: told } = response;
    return { url, status, headers: told, text: await response.text() } satisfies Answered;
  }

  /** What a script that is in the page can't see, and a thief who has the disk can. */
  cookie(origin: string, name: string): Cookie | undefined {
    return this.#cookies.get(origin)?.get(name);
  }

  /** As when somebody else's cookie is put in its place. */
  plant(origin: string, name: string, value: string): void {
    this.#jar(origin).set(name, { value, attributes: new Map([["samesite", "Lax"]]) });
  }

  #jar(origin: string): Map<string, Cookie> {
    const jar = this.#cookies.get(origin) ?? new Map<string, Cookie>();
    this.#cookies.set(origin, jar);
    return jar;
  }

  #cookiesFor(origin: string, isSent: (sameSite: string | undefined) => boolean): string {
    return [...this.#jar(origin)]
      .filter(([, { attributes }]) => isSent(attributes.get("samesite")))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
  }

  #keep(origin: string, text: string): void {
    const [pair = "", ...rest] = text.split(";").map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf("="));
    const attributes = new Map(
      rest.map((part) => [part.split("=")[0]?.toLowerCase() ?? "", part.split("=")[1] ?? ""]),
    );
    if (attributes.has("secure") && !origin.startsWith("https:")) return;
    const isOwn = attributes.has("secure") && attributes.get("path") === "/" && !attributes.has("domain");
    if (name.startsWith("__Host-") && !isOwn) return;
    const isOver =
      attributes.get("max-age") === "0" || Date.parse(attributes.get("expires") ?? "") < Date.now();
    if (isOver) this.#jar(origin).delete(name);
    else this.#jar(origin).set(name, { value: pair.slice(name.length + 1), attributes });
  }
}

function originOf(url: string): string {
  return new URL(url).origin;
}
