/** An answer of the REST facade. */
export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** The REST facade, as one key sees it. */
export interface Rest {
  request(method: string, path: string, body?: unknown): Promise<RestAnswer>;
  /** The body of a successful answer; anything else is an error that shows what came instead. */
  ok<Body>(method: string, path: string, body?: unknown): Promise<Body>;
}

export function restClient(adminUrl: string, key: string): Rest {
  const request = async (method: string, path: string, body?: unknown): Promise<RestAnswer> => {
    const response = await fetch(`${adminUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    request,
    async ok<Body>(method: string, path: string, body?: unknown): Promise<Body> {
      const answer = await request(method, path, body);
      if (answer.status !== 200) {
        throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      return answer.body as Body;
    },
  };
}
