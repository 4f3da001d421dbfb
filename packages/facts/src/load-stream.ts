import { answerEach } from "@portcullis/chassis/rpc/answer-each";
import type { Conversation } from "@portcullis/chassis/rpc/stream";
import type {
  LoadRequest,
  LoadResponse,
  LoadStreamRequest,
  LoadStreamResponse,
} from "@portcullis/proto/facts/v1/facts";

/** Loads of one stream that are in work at a time. */
const loadsMax = 64;

/** Facts.LoadStream over what answers Load. A load that fails is left unanswered: asked by itself it says why. */
export function loadStreamOver(load: (request: LoadRequest) => LoadResponse | Promise<LoadResponse>) {
  return (conversation: Conversation<LoadStreamRequest, LoadStreamResponse>): Promise<void> =>
    answerEach(conversation, loadsMax, async ({ id, load: request }) => ({
      id,
      loaded: request === undefined ? undefined : await attempt(load, request),
    }));
}

async function attempt(
  load: (request: LoadRequest) => LoadResponse | Promise<LoadResponse>,
  request: LoadRequest,
): Promise<LoadResponse | undefined> {
  try {
    return await load(request);
  } catch {
    return undefined;
  }
}
