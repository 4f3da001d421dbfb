// Every request of the console: same origin, the session's cookie, and the token that shows that it is ours.

/** An answer that is not the one hoped for; `status` 0: none came. */
export class ApiError extends Error {
  readonly status: number;
  /** What was wrong with the request, as `emails[2]`. */
  readonly field: string | null;
  readonly requestId: string | null;

  constructor(message: string, about: { status: number; field?: string | null; requestId?: string | null }) {
    super(message);
    this.name = "ApiError";
    this.status = about.status;
    this.field = about.field ?? null;
    this.requestId = about.requestId ?? null;
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

type QueryValue = string | number | boolean | readonly string[] | null | undefined;

export interface Ask {
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** What has its name already is not taken for what was to be made. */
  readonly isNew?: true;
}

export const sessionPath = "/v1/access/session";
const csrfHeader = "x-portcullis-csrf";
const foundExistingHeader = "x-bt-found-existing";

/** What of a session its pages are bound to. */
export interface OwnSession {
  readonly principal_id: string;
  readonly org_id: string;
  readonly csrf_token: string;
}

/** The session whose pages these are: its token lives in memory alone. */
let own: OwnSession | null = null;

/** From now on the pages are those of this session; of none: of the next that is looked for. */
export function rememberSession(session: OwnSession | null): void {
  own = session;
}

/**
 * The browser's session, which is another one once somebody signed in anew in another tab. What is shown and chosen here
 * was meant for the organisation and by the person of before: nothing of it may be done in the name of others.
 */
export async function askSession<Session extends OwnSession>(signal?: AbortSignal): Promise<Session> {
  const ask = signal === undefined ? {} : { signal };
  const session = await sendOnce<Session>("GET", sessionPath, ask);
  if (own !== null && (own.principal_id !== session.principal_id || own.org_id !== session.org_id)) {
    throw new ApiError("somebody else has signed in, or to another organization, in another tab", {
      status: 401,
    });
  }
  own = session;
  return session;
}

/** Sends a request, and gives the body of a successful answer; anything else is an ApiError. */
export async function send<Answer>(method: Method, path: string, ask: Ask = {}): Promise<Answer> {
  try {
    return await sendOnce<Answer>(method, path, ask);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403 || error.field !== csrfHeader) throw error;
    // They signed in anew in another tab: this session's token is another one now.
    await askSession();
    return sendOnce<Answer>(method, path, ask);
  }
}

async function sendOnce<Answer>(method: Method, path: string, ask: Ask): Promise<Answer> {
  const response = await fetch(`${path}${queryText(ask.query)}`, {
    method,
    headers: {
      accept: "application/json",
      ...(method !== "GET" && { [csrfHeader]: own?.csrf_token ?? "" }),
      ...(ask.body !== undefined && { "content-type": "application/json" }),
    },
    ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
    ...(ask.signal !== undefined && { signal: ask.signal }),
  }).catch((error: unknown) => {
    if (ask.signal?.aborted === true) throw error;
    throw new ApiError("Portcullis can't be reached", { status: 0 });
  });
  const answer: unknown = await response.json().catch(() => null);
  if (ask.isNew === true && response.headers.has(foundExistingHeader)) {
    throw new ApiError("there is one of this name already", { status: 409, field: "name" });
  }
  if (response.ok) return answer as Answer;
  throw problemOf(response, answer);
}

export function get<Answer>(path: string, ask?: Ask): Promise<Answer> {
  return send<Answer>("GET", path, ask);
}

export function post<Answer>(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
  return send<Answer>("POST", path, { body, ...(signal !== undefined && { signal }) });
}

/** Makes something of a name that nothing has yet: the API itself would answer with what has it. */
export function create<Answer>(path: string, body: unknown): Promise<Answer> {
  return send<Answer>("POST", path, { body, isNew: true });
}

/** What went wrong, in words for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function problemOf(response: Response, answer: unknown): ApiError {
  const told = answer as { error?: string; details?: { field?: string; request_id?: string } } | null;
  return new ApiError(told?.error ?? `the answer was ${response.status}`, {
    status: response.status,
    field: told?.details?.field ?? null,
    requestId: told?.details?.request_id ?? response.headers.get("x-request-id"),
  });
}

function queryText(query: Ask["query"]): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of typeof value === "object" ? value : [String(value)]) parameters.append(name, one);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
