import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { z } from "zod";
import type { Cli } from "../cli.ts";
import { findObject, principalId } from "../lookup.ts";
import { namesOfPrincipals } from "../names.ts";
import type { Progress } from "../progress.ts";
import { objectHelp, whoHelp } from "../question.ts";
import type { Query, Rest } from "../rest.ts";

const event = z.looseObject({
  at: z.string().nullable(),
  actor: z.looseObject({ principal_id: z.string() }).nullable(),
  action: z.string(),
  subject: z.object({ type: z.string(), id: z.string() }),
  source_address: z.string().nullable(),
});
const page = z.object({ events: z.array(event), next_cursor: z.string().nullable() });

const limitUsual = 100;
const pageMax = 1000;

export function addAuditLog(program: CommandUnknownOpts, cli: Cli): void {
  program
    .command("audit-log")
    .description("What was changed, newest first")
    .option("--by <who>", `only what they did: ${whoHelp}`)
    .option("--about <who>", `only what concerned them: ${whoHelp}`)
    .option("--on <object>", `only what was done to it: ${objectHelp}`)
    .option("--action <action>", "only this, such as acls_updated")
    .option("--from <time>", "from then on: 2030-01-31T12:00:00Z")
    .option("--to <time>", "before then")
    .option("--limit <count>", `at most so many; ${limitUsual} when left out`)
    .action(async (options) => {
      const rest = await cli.rest();
      const count = options.limit === undefined ? limitUsual : readCount(options.limit);
      const object = options.on === undefined ? undefined : await findObject(rest, options.on, "--on");
      const query = {
        actor_id: options.by === undefined ? undefined : await principalId(rest, options.by, "--by"),
        principal_id:
          options.about === undefined ? undefined : await principalId(rest, options.about, "--about"),
        object_type: object?.type,
        object_id: object?.id,
        action: options.action,
        from: options.from,
        to: options.to,
      };
      const events = await cli.working("events", (progress) => newestEvents(rest, query, count, progress));
      const actors = events.flatMap(({ actor }) => (actor === null ? [] : [actor.principal_id]));
      const names = cli.flags().json ? new Map<string, string>() : await namesOfPrincipals(rest, actors);
      cli.showTable({ events }, ["AT", "WHO", "ACTION", "ON", "FROM"], () =>
        events.map(({ at, actor, action, subject, source_address }) => [
          at,
          actor === null ? "the system" : (names.get(actor.principal_id) ?? actor.principal_id),
          action,
          `${subject.type}:${subject.id}`,
          source_address,
        ]),
      );
    });
}

async function newestEvents(
  rest: Rest,
  query: Query,
  count: number,
  progress: Progress,
): Promise<readonly z.infer<typeof event>[]> {
  const events: z.infer<typeof event>[] = [];
  let cursor: string | undefined;
  progress.expect(count);
  while (events.length < count) {
    const limit = Math.min(pageMax, count - events.length);
    const found = await rest.get(page, "/v1/access/audit-log", { ...query, limit, cursor });
    events.push(...found.events);
    progress.advance(found.events.length);
    if (found.next_cursor === null) break;
    cursor = found.next_cursor;
  }
  return events;
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw invalid("--limit", "must be a whole number from 1 on");
  return Number(text);
}
