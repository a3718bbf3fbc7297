/** One crash: what is the case, what the classification says of it, and what is left once the stable version took over. */
import type { TransactionClass } from '@headgate/domain';
import { findings, pictureOf, type Truth, truthOf, type Wish } from './books.ts';
import { ask, nameOf, type Point, run } from './points.ts';
import type { World } from './world.ts';

export interface Judged {
  readonly point: string;
  readonly what: string;
  readonly must: Truth['must'];
  /** What the classification said; more than one thing, or of something else, is an error of its own. */
  readonly said: string;
  readonly findings: readonly string[];
}

/** Crashes at the point, looks, brings the tenant back to the stable version, and looks again. */
export async function judge(world: World, tenant: string, point: Point): Promise<Judged> {
  const crashed = await run(world, tenant, point.way, { at: point.at, when: point.when });
  try {
    const found: string[] = crashed.sprung ? [] : ['the trap was never sprung'];
    const { wish } = crashed;
    if (point.jobLost) await loseJob(world, wish);
    const truth = await truthOf(world.databases, wish);
    const said = await classOf(world, wish, truth);
    await takeOver(world, wish);
    found.push(...(await reconciled(world, wish)));
    return { point: nameOf(point), what: truth.what, must: truth.must, said, findings: found };
  } finally {
    await crashed.close();
  }
}

/** What the product says of a wish. Whatever else of the tenant it calls a difference is said, too. */
export async function classOf(world: World, wish: Wish, truth: Truth, document?: unknown): Promise<string> {
  const own = new Set([wish.key, `${wish.tenant}/${truth.invoice}`]);
  const { differences } = await world.compare(wish.tenant, document);
  const classes = differences.map((each): TransactionClass | string =>
    own.has(each.key) ? each.class : `${each.key} ${each.class}`,
  );
  return classes.length === 0 ? 'none' : classes.join(', ');
}

/** The rollback's situation: back on the stable version, leases of the dead have run out, the customer asks again. */
async function takeOver(world: World, wish: Wish): Promise<void> {
  const { store } = world.databases;
  await world.route(wish.tenant, 'blue');
  await store.query(
    `UPDATE job SET due_at = clock_timestamp() WHERE tenant_id = $1 AND state IN ('queued', 'running')`,
    [wish.tenant],
  );
  const answered = await ask(world.blue.url, wish);
  if (answered !== 201) throw new Error(`the stable version answered ${answered} to the repeated request`);
}

/** The step, what it leaves, and that it does nothing the second time. */
async function reconciled(world: World, { tenant }: Wish): Promise<readonly string[]> {
  const found: string[] = [];
  const first = await world.step(tenant);
  if (!first.agrees || first.asked > 0) found.push(`the step left differences: ${JSON.stringify(first)}`);
  // Its last look may be between the acknowledgement and the end of the job.
  await world.settled(tenant);
  const wishes = world.wishes.filter((wish) => wish.tenant === tenant);
  found.push(...(await findings(world.databases, tenant, wishes)));
  const before = await pictureOf(world.databases, tenant);
  const second = await world.step(tenant);
  if (second.replayed + second.acknowledged + second.asked > 0 || !second.agrees || second.classes !== undefined)
    found.push(`a second run did something: ${JSON.stringify(second)}`);
  if ((await pictureOf(world.databases, tenant)) !== before) found.push('a second run changed something');
  return found;
}

/** Somebody cleaned up where nobody should, or the table was restored: the work is there, and nobody will do it. */
export async function loseJob(world: World, { tenant, project }: Wish): Promise<void> {
  const { rowCount } = await world.databases.store.query(
    `DELETE FROM job j USING invoice i WHERE i.tenant_id = $1 AND i.project_id = $2
       AND j.tenant_id = i.tenant_id AND j.payload ->> 'invoice' = i.number::text`,
    [tenant, project],
  );
  if (rowCount !== 1) throw new Error(`${rowCount} jobs were there to be lost`);
}
