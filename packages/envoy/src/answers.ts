// Answers in Envoy's words. Only status 0 lets a request through, and only `allowed` gives it.

import { httpStatus } from "@portcullis/chassis/http-status";
import { HeaderValueOption_HeaderAppendAction as AppendAction } from "@portcullis/proto/envoy/config/core/v3/base";
import { type CheckResponse, OkHttpResponse } from "@portcullis/proto/envoy/service/auth/v3/external_auth";

/** What a request does not come through for. */
export type Refusal = "invalid" | "unauthenticated" | "denied" | "unavailable";

/** Statuses of gRPC: whatever else is not 0 would deny as well. */
const code = { invalid: 3, denied: 7, unavailable: 14, unauthenticated: 16 } as const satisfies Record<
  Refusal,
  number
>;

const messages: Readonly<Record<Refusal, string>> = {
  invalid: "the request can be read in more than one way",
  unauthenticated: "no valid credential is shown",
  denied: "not allowed",
  unavailable: "access can't be decided right now",
};

const moreHeaders: Readonly<Record<Refusal, Readonly<Record<string, string>>>> = {
  invalid: {},
  unauthenticated: { "www-authenticate": "Bearer" },
  denied: {},
  unavailable: { "retry-after": "1" },
};

const nothingElse = OkHttpResponse.decode(Buffer.alloc(0));

/** Lets a request through with these headers in place of whatever it had under their names, and without those. */
export function allowed(set: Readonly<Record<string, string>>, remove: ReadonlySet<string>): CheckResponse {
  return {
    status: { code: 0, message: "", details: [] },
    httpResponse: {
      $case: "okResponse",
      value: {
        ...nothingElse,
        headers: Object.entries(set).map(overwriting),
        // Envoy removes after it has set.
        headersToRemove: [...remove].filter((name) => !Object.hasOwn(set, name)),
      },
    },
    dynamicMetadata: undefined,
  };
}

/** Never Envoy's own kind of error, which it may be told to let through. */
export function refused(refusal: Refusal): CheckResponse {
  const headers = { "content-type": "application/json", ...moreHeaders[refusal] };
  return {
    status: { code: code[refusal], message: messages[refusal], details: [] },
    httpResponse: {
      $case: "deniedResponse",
      value: {
        status: { code: httpStatus[refusal] as 400 | 401 | 403 | 503 },
        headers: Object.entries(headers).map(overwriting),
        body: JSON.stringify({ error: messages[refusal] }),
      },
    },
    dynamicMetadata: undefined,
  };
}

function overwriting([key, value]: readonly [string, string]) {
  return {
    header: { key, value, rawValue: Buffer.alloc(0) },
    append: undefined,
    appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    keepEmptyValue: false,
  };
}
