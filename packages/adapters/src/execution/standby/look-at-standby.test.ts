/** Looks at real standbys of a real primary, in every state that one would not want to fail over to. */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LookParts, type StandbyLook, lookAtStandby as wholeLook } from './look-at-standby.ts';
import { PrimaryPositions } from './primary-positions.ts';
import { BIN, type RealServer, RealServers } from './testing/real-servers.ts';

if (BIN === undefined && process.env.HEADGATE_REQUIRE_REAL === '1')
  throw new Error('PostgreSQL 15 with pg_basebackup isn’t installed: apt-get install postgresql-15');

let servers: RealServers;
let primary: RealServer;
let standby: RealServer;

const BOUNDS = { deadlineMs: 3_000, mostBytes: 64 * 1024 };

function parts(of = standby, from = primary, user = 'watcher'): LookParts {
  return {
    primary: async () => from.connection(),
    standby: async () => of.connection(user),
    positions: new PrimaryPositions(),
    now: () => performance.now(),
    bounds: BOUNDS,
  };
}

const lookAtStandby = async (with_: LookParts): Promise<StandbyLook> => (await wholeLook(with_)).seen;

/** Looks until a look is as it is expected to be. */
async function until(what: string, with_: LookParts, is: (look: StandbyLook) => boolean): Promise<StandbyLook> {
  const over = performance.now() + 30_000;
  for (;;) {
    const look = await lookAtStandby(with_);
    if (is(look)) return look;
    if (performance.now() > over) throw new Error(`not ${what} within 30 s: ${JSON.stringify(look)}`);
    await sleep(50);
  }
}
const caughtUp = ({ standing, lagMs, receiving }: StandbyLook) =>
  standing === 'following' && lagMs === 0 && receiving === true;

describe.skipIf(BIN === undefined)('a look at a standby', () => {
  beforeAll(async () => {
    servers = await RealServers.make();
    primary = await servers.primary();
    standby = await servers.standbyOf(primary);
  }, 120_000);
  afterAll(() => servers?.remove());

  test('that has caught up says so, with no more rights than pg_monitor', async () => {
    await primary.sql('insert into t select generate_series(1, 1000)');
    expect(await until('caught up', parts(), caughtUp)).toEqual({
      standing: 'following',
      lagBytes: 0,
      lagMs: 0,
      receiving: true,
    });
  });

  test('by a login without that right doesn’t know whether it receives, and says nothing of it', async () => {
    const look = await until('caught up', parts(standby, primary, 'bare'), ({ lagMs }) => lagMs === 0);
    expect(look).toEqual({ standing: 'following', lagBytes: 0, lagMs: 0 });
  });

  test('whose replay is paused sees its lag grow, in bytes and in time, and go when it is resumed', async () => {
    const with_ = parts();
    await until('caught up', with_, caughtUp);
    await standby.sql('select pg_wal_replay_pause()');
    await primary.sql('insert into t select generate_series(1, 10000)');
    const first = await until('behind', with_, ({ paused, lagBytes = 0 }) => paused === true && lagBytes > 0);
    await primary.sql('insert into t select generate_series(1, 10000)');
    const later = await lookAtStandby(with_);
    expect(later.lagBytes).toBeGreaterThan(first.lagBytes as number);
    expect(later.lagMs).toBeGreaterThan(first.lagMs as number);
    expect(later).toMatchObject({ standing: 'following', paused: true });
    await standby.sql('select pg_wal_replay_resume()');
    expect(await until('caught up again', with_, caughtUp)).not.toHaveProperty('paused');
  });

  test('of an idle primary is not behind, however long ago the last transaction was', async () => {
    const with_ = parts();
    await until('caught up', with_, caughtUp);
    const [{ age } = { age: 0 }] = await standby.sql<{ age: number }>(
      'select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age',
    );
    // The figure that would have been taken for a lag.
    await sleep(Math.max(0, 1_200 - age * 1_000));
    expect(await lookAtStandby(with_)).toMatchObject({ standing: 'following', lagBytes: 0, lagMs: 0 });
  });

  test('that is looked at for the first time while it lags goes by the database’s own stamps, never by less', async () => {
    await until('caught up', parts(), caughtUp);
    await standby.sql('select pg_wal_replay_pause()');
    await primary.sql('insert into t values (1)');
    const written = performance.now();
    await sleep(1_000);
    const asked = performance.now();
    const look = await lookAtStandby(parts());
    // Written before it was answered, looked at after it was asked: less would be too little, whatever either took.
    expect(look.lagMs).toBeGreaterThanOrEqual(Math.floor(asked - written));
    await standby.sql('select pg_wal_replay_resume()');
  });

  test('whose receiver ended says that it receives nothing, though it has all that was written', async () => {
    await until('caught up', parts(), caughtUp);
    await standby.sql(`alter system set primary_conninfo = 'host=127.0.0.1 port=1'`);
    await standby.sql('select pg_reload_conf()');
    expect(await until('cut off', parts(), ({ receiving }) => receiving === false)).toMatchObject({ lagBytes: 0 });
    await standby.sql(`alter system set primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres'`);
    await standby.sql('select pg_reload_conf()');
    await until('caught up again', parts(), caughtUp);
  });

  test('that is stopped says that nobody answers, and once it is back that it follows', async () => {
    await standby.stop();
    expect(await lookAtStandby(parts())).toMatchObject({
      standing: 'unreachable',
      why: expect.stringContaining('ECONNREFUSED'),
    });
    await standby.start();
    await until('caught up again', parts(), caughtUp);
  });

  test('whose login doesn’t exist says why, and no password', async () => {
    const { why, standing } = await lookAtStandby(parts(standby, primary, 'nobody-there'));
    expect([standing, why]).toEqual(['unreachable', expect.stringContaining('nobody-there')]);
    expect(why).not.toContain('any@');
  });

  test('whose primary is away tells that of it, and not that it is sound', async () => {
    const away = { ...primary.connection(), port: 1 };
    expect(await lookAtStandby({ ...parts(), primary: async () => away })).toMatchObject({
      standing: 'unknown',
      why: expect.stringContaining('the primary can’t be asked'),
    });
  });

  test('where both addresses were exchanged finds no primary', async () => {
    expect(await lookAtStandby(parts(primary, standby))).toMatchObject({
      standing: expect.not.stringMatching('following'),
    });
    expect(await lookAtStandby(parts(standby, standby))).toMatchObject({
      standing: 'unknown',
      why: expect.stringContaining('which is no primary'),
    });
    expect(await lookAtStandby(parts(primary, primary))).toMatchObject({
      standing: 'other-cluster',
      why: 'its address leads to the primary itself',
    });
  });

  test('of another cluster is told as that, though it follows its own primary', async () => {
    const other = await servers.primary();
    const theirs = await servers.standbyOf(other);
    expect(await lookAtStandby(parts(theirs))).toMatchObject({ standing: 'other-cluster' });
    expect(await lookAtStandby(parts(other))).toMatchObject({ standing: 'other-cluster' });
  }, 120_000);

  test('that has what its primary never wrote is told as that, though both are on one timeline', async () => {
    const clone = await servers.cloneOf(primary);
    await primary.sql('insert into t select generate_series(1, 100000)');
    await until('caught up', parts(), caughtUp);
    expect(await lookAtStandby(parts(standby, clone))).toMatchObject({ standing: 'ahead' });
  }, 120_000);

  test('that was promoted is told as that; one that follows it then is on another timeline', async () => {
    const promoted = await servers.standbyOf(primary);
    const behind = await servers.standbyOf(primary);
    await promoted.promote();
    await promoted.sql('insert into t values (1)');
    expect(await lookAtStandby(parts(promoted))).toMatchObject({ standing: 'promoted' });
    await behind.sql(`alter system set primary_conninfo = 'host=127.0.0.1 port=${promoted.port} user=postgres'`);
    await behind.sql('select pg_reload_conf()');
    expect(
      await until('on the other timeline', parts(behind), ({ standing }) => standing !== 'following'),
    ).toMatchObject({
      standing: 'other-timeline',
      why: 'it is on timeline 2, and the primary on 1',
    });
    // Seen from the one that was promoted, who follows it is sound, and who stayed is on a timeline that it came from.
    await until('caught up there', parts(behind, promoted), caughtUp);
    await primary.sql('insert into t select generate_series(1, 1000)');
    expect(await until('apart', parts(standby, promoted), ({ standing }) => standing !== 'following')).toMatchObject({
      standing: 'other-timeline',
      why: expect.stringMatching(/which was left at .*: it went on by itself/),
    });
  }, 120_000);

  test('that stayed where another was promoted is on a timeline that it came from, and not apart', async () => {
    const from = await servers.primary();
    const stayed = await servers.standbyOf(from);
    const promoted = await servers.standbyOf(from);
    await until('caught up', parts(promoted, from), caughtUp);
    await until('caught up', parts(stayed, from), caughtUp);
    await from.stop();
    await promoted.promote();
    await promoted.sql('insert into t select generate_series(1, 1000)');
    expect(await lookAtStandby(parts(stayed, promoted))).toMatchObject({ standing: 'following', receiving: false });
  }, 120_000);
});

describe.skipIf(BIN === undefined)('who hangs', () => {
  const sockets = new Set<Socket>();
  let hung: Server;
  beforeAll(async () => {
    servers = await RealServers.make();
    primary = await servers.primary();
    hung = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((ready) => hung.listen(0, '127.0.0.1', ready));
  }, 120_000);
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    hung?.close();
    await servers?.remove();
  });
  const port = () => (hung.address() as { port: number }).port;
  const bounds = { deadlineMs: 400, mostBytes: 2_000 };

  test('a standby that takes the connection and never answers is let go of', async () => {
    const look = await lookAtStandby({
      ...parts(primary),
      standby: async () => ({ ...primary.connection(), port: port() }),
      bounds,
    });
    expect(look).toEqual({ standing: 'unreachable', why: 'it can’t be asked: it didn’t answer within 0.4 s' });
  });

  test('a primary that does so, too', async () => {
    const look = await lookAtStandby({
      ...parts(primary),
      primary: async () => ({ ...primary.connection(), port: port() }),
      bounds,
    });
    expect(look.standing).not.toBe('following');
  });

  test('one that answers without end is let go of', async () => {
    const flood = (socket: Socket) => {
      const chunk = Buffer.alloc(1_000, 'N');
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk));
        socket.once('drain', more);
      };
      more();
    };
    hung.on('connection', flood);
    const look = await lookAtStandby({
      ...parts(primary),
      standby: async () => ({ ...primary.connection(), port: port() }),
      bounds: { ...bounds, deadlineMs: 5_000 },
    });
    hung.off('connection', flood);
    expect(look.standing).toBe('unreachable');
  });
});
