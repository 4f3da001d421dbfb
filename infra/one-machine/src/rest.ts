import { setTimeout as delay } from "node:timers/promises";

/** An answer of the facade that is no success. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The REST facade, spoken to with one key. */
export class Rest {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#send<Answer>("GET", path);
  }

  post<Answer>(path: string, body: object): Promise<Answer> {
    return this.#send<Answer>("POST", path, body);
  }

  put<Answer>(path: string, body: object): Promise<Answer> {
    return this.#send<Answer>("PUT", path, body);
  }

  patch<Answer>(path: string, body: object): Promise<Answer> {
    return this.#send<Answer>("PATCH", path, body);
  }

  /** A part that is only just starting answers 503: that passes. */
  async #send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(this.#url + path, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      });
      const text = await response.text();
      if (response.ok) return JSON.parse(text) as Answer;
      if (response.status !== 503 || attempt === attempts) {
        throw new RestError(response.status, `${method} ${path} answered ${response.status}: ${text}`);
      }
      await delay(250 * attempt);
    }
  }
}

const attempts = 6;
