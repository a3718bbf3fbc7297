import type { Company, ServerPresence, Servers } from '@headgate/adapters/control/postgres/index';
import { StoreUnavailable } from '@headgate/control';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { refused } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';
import { Presence } from './presence.ts';

const self: ServerPresence = { id: 'srv_1', version: '1.0.0', knows: 7, format: 1 };
const alone: Company = { servers: [self], applied: 7, oldest: 0, newerRows: 0 };

function presenceIn(company: () => Company): { presence: Presence; beats: () => number } {
  let beats = 0;
  const servers = {
    async beat() {
      beats += 1;
      return company();
    },
  };
  return { presence: new Presence(servers as unknown as Servers, self), beats: () => beats };
}

describe('a server that says that it is there', () => {
  it('asks before its first write and then not for each, and several that wait ask once', async () => {
    const { presence, beats } = presenceIn(() => alone);
    await Promise.all([presence.holds(), presence.holds(), presence.holds()]);
    await presence.holds();
    expect(beats()).toBe(1);
    expect(presence.told).toBe('servers: 1 of 1.0.0');
  });

  it('tells of newer ones, of a newer database, and of what is left to them', async () => {
    const newer = { ...self, id: 'srv_2', version: '1.1.0', knows: 8 };
    const { presence } = presenceIn(() => ({ servers: [self, newer], applied: 8, oldest: 0, newerRows: 3 }));
    await presence.round();
    expect(presence.told).toBe(
      'servers: 1 of 1.0.0, 1 of 1.1.0; the database is newer than this server (1.0.0); 3 rows of a newer version are left to it',
    );
    await presence.holds();
  });

  it('writes nothing once the database has left it behind', async () => {
    const { presence } = presenceIn(() => ({ ...alone, applied: 9, oldest: 8 }));
    await expect(presence.holds()).rejects.toThrow(StoreUnavailable);
    expect(presence.behind).toContain('start a newer one');
  });
});

describe('a real server', () => {
  let server: RealServer;
  beforeAll(async () => {
    server = await RealServer.start();
  });
  afterAll(() => server?.remove());

  it('that is left behind while it runs is not ready, and answers nobody who would change something', async () => {
    const admin = await server.client('admin');
    await admin.call('createPrincipal', { body: { id: 'usr_before', roles: ['auditor'] } });
    await asSuperuser(server, (client) =>
      client.query("insert into headgate.migration (version, name, digest, oldest) values (99, 'later', 'x', 99)"),
    );
    await until('it is not ready', async () => (await fetch(`${server.url}/readyz`)).status === 503);
    const problem = await refused(admin.call('createPrincipal', { body: { id: 'usr_after', roles: ['auditor'] } }));
    expect(problem.status).toBe(503);
    const { items } = await admin.call('listPrincipals', {});
    expect(items.map(({ id }) => id)).toContain('usr_before');
    expect(items.map(({ id }) => id)).not.toContain('usr_after');
  });

  it('says goodbye when it stops, so that nobody waits for it', async () => {
    await asSuperuser(server, (client) => client.query('delete from headgate.migration where version = 99'));
    await server.kill();
    await server.start();
    const there = async () =>
      Number(
        (await asSuperuser(server, (client) => client.query('select count(*) as n from headgate.server'))).rows[0].n,
      );
    // The one that was killed counts until its lease is over.
    await until('the new one is there', async () => (await there()) === 2);
    await asSuperuser(server, (client) => client.query('update headgate.server set seen_at = 0'));
    await server.stop();
    await server.start();
    await until('the newest alone is there', async () => (await there()) === 1);
  });
});
