import pg from "pg";

/**
 * Says that positions from now on are not those that were handed out before, as after a restore: what anybody remembers
 * of this owner's facts is void. Answers the new incarnation.
 */
export async function beginNewHistory(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("update history set id = gen_random_uuid()");
    const { rows } = await client.query<{ incarnation: string }>("select incarnation()");
    return rows[0]?.incarnation ?? "";
  } finally {
    await client.end();
  }
}
