/** The shipped server, with a trigger before and after each commit of its control store. Only kill tests start it. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { Commit, Committed } from '@headgate/control';
import { spotsOfCommit } from './commit-spots.ts';
import { decorate } from './decorate.ts';
import { argument, Trigger } from './trigger.ts';

enableCompileCache();
const { openPostgresControl } = await import('@headgate/adapters/control/postgres/index');
const { run } = await import('@headgate/server/run');

const trigger = new Trigger(join(argument('--data'), 'kill'), 'server');

async function around(call: () => Promise<unknown>, [commit]: readonly unknown[]): Promise<unknown> {
  const { writes } = commit as Commit;
  const spots = spotsOfCommit({ writes });
  for (const spot of spots) await trigger.pass(spot, 'before');
  const committed = (await call()) as Committed;
  if (!committed.ok) return committed;
  trigger.acknowledged(
    writes.flatMap(({ stream, expected, entries }) =>
      entries.map(({ type }, i) => ({ stream, version: expected + i + 1, type })),
    ),
  );
  for (const spot of spots) await trigger.pass(spot, 'after');
  return committed;
}

process.exitCode = await run(process.argv.slice(2), process.env, {
  async openControl(options) {
    const control = await openPostgresControl(options);
    return { ...control, store: decorate(control.store, { commit: around }) };
  },
});
