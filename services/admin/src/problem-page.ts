// What went wrong, for somebody whose browser came here by itself: a page of plain words.

import { headersOfText } from "./console/headers.ts";
import { problemOf } from "./problem.ts";
import { consolePath } from "./session/return-to.ts";

export interface ProblemPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

export function problemPageOf(thrown: unknown, requestId: string): ProblemPage {
  const { status, headers, body } = problemOf(thrown, requestId);
  return {
    status,
    headers: { ...headers, ...headersOfText },
    html: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Signing in did not work</title></head>
<body>
<h1>Signing in did not work</h1>
<p>${escaped(body.message)}.</p>
<p>Request ${escaped(requestId)}</p>
<p><a href="${consolePath}">Back to the console</a></p>
</body>
</html>
`,
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
