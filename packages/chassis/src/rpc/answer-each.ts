import type { Conversation } from "./stream.ts";

/**
 * Answers each question of a conversation once, in whatever order the answers come. Those that are ready at once go out
 * together, in the tick in which they were asked. As long as there is no room for another question in work, none is read.
 */
export async function answerEach<Request, Response>(
  conversation: Conversation<Request, Response>,
  inWorkMax: number,
  answerTo: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  const { promise: broken, reject: breakOff } = Promise.withResolvers<never>();
  await Promise.race([answerAll(conversation, inWorkMax, answerTo, breakOff), broken]);
}

async function answerAll<Request, Response>(
  conversation: Conversation<Request, Response>,
  inWorkMax: number,
  answerTo: (request: Request) => Response | Promise<Response>,
  breakOff: (thrown: unknown) => void,
): Promise<void> {
  const inWork = new Set<Promise<Response>>();
  let oneIsDone = (): void => undefined;
  const untilOneIsDone = () =>
    new Promise<void>((resolve) => {
      oneIsDone = resolve;
    });
  const follow = (answer: Promise<Response>): void => {
    inWork.add(answer);
    answer
      .then((response) => conversation.send([response]))
      .finally(() => {
        inWork.delete(answer);
        oneIsDone();
      })
      .catch(breakOff);
  };
  for (;;) {
    while (inWork.size >= inWorkMax) await untilOneIsDone();
    const asked = await conversation.receive(inWorkMax - inWork.size);
    if (asked === null) break;
    const ready: Response[] = [];
    for (const request of asked) {
      const answer = answerTo(request);
      if (answer instanceof Promise) follow(answer);
      else ready.push(answer);
    }
    await conversation.send(ready);
  }
  while (inWork.size > 0) await untilOneIsDone();
}
