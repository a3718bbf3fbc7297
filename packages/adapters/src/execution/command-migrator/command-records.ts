import type { StepContext } from '@headgate/execution';
import type pg from 'pg';
import { fenced } from '../store/fenced.ts';
import type { Attempt, Change, Recorded, Records } from './judge.ts';

/** What we know about the store's migrations. The newest version last. */
export async function readRecords(client: pg.ClientBase): Promise<Records> {
  const recorded = await client.query<Recorded>(
    'select version, digest, answer from headgate.migration order by version',
  );
  const attempt = await client.query<Attempt>(
    'select direction, version_from as "from", version_to as "to", digest, goal from headgate.attempt',
  );
  return { recorded: recorded.rows, attempt: attempt.rows[0] };
}

/** Notes that a command is about to run. False: a later decision was seen meanwhile. */
export async function beginAttempt(
  client: pg.ClientBase,
  { direction, migration, goal }: Change,
  ctx: Pick<StepContext, 'cell' | 'fence' | 'idempotencyKey'>,
): Promise<boolean> {
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
    await client.query(
      `insert into headgate.attempt(direction, version_from, version_to, digest, goal, key) values ($1, $2, $3, $4, $5, $6)`,
      [direction, migration.from, migration.to, migration.file.digest, goal, ctx.idempotencyKey],
    );
  });
}

/** Records that the change has happened. False: a later decision was seen meanwhile. */
export async function recordChange(
  client: pg.ClientBase,
  { direction, migration, goal }: Change,
  ctx: Pick<StepContext, 'cell' | 'fence' | 'idempotencyKey'>,
): Promise<boolean> {
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
    await client.query('delete from headgate.migration where version >= $1', [migration.to]);
    if (direction === 'up')
      await client.query(
        'insert into headgate.migration(version, id, digest, applied_by, answer) values ($1, $2, $3, $4, $5)',
        [migration.to, migration.id, migration.file.digest, ctx.idempotencyKey, goal],
      );
  });
}

/** Forgets an attempt that is known to have had no effect. False: a later decision was seen meanwhile. */
export async function forgetAttempt(client: pg.ClientBase, ctx: Pick<StepContext, 'cell' | 'fence'>): Promise<boolean> {
  return fenced(client, ctx, async () => {
    await client.query('delete from headgate.attempt');
  });
}

/** Takes an application that was there before us at its word, once: which schema version its answer stands for. */
export async function recordBaseline(client: pg.ClientBase, version: number, answer: string): Promise<void> {
  await client.query(
    `insert into headgate.migration(version, id, digest, applied_by, answer)
     select $1, 'baseline', 'adopted', 'baseline', $2
     where not exists (select from headgate.migration where version >= $1) and not exists (select from headgate.attempt)`,
    [version, answer],
  );
  // A store that SQL files brought here until now.
  await client.query(
    `update headgate.migration set answer = $2 where version = $1 and answer is null
       and version = (select max(version) from headgate.migration)`,
    [version, answer],
  );
}
