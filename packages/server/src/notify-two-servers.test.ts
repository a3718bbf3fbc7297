/** Two servers on one PostgreSQL tell as one, and the other goes on when one is killed. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { embeddedDatabase, type TestDatabase } from '@headgate/adapters/control/postgres/control-database.test-support';
import { createClient } from '@headgate/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer, until } from './testing/real-server.ts';
import { Receiver } from './testing/receiver.ts';
import { SmallCompany } from './testing/small-company.ts';

let database: TestDatabase;
let receiver: Receiver;
let one: RealServer;
let other: RealServer;

beforeAll(async () => {
  database = await embeddedDatabase(18);
  receiver = await Receiver.open();
  const env = {
    HEADGATE_NOTIFY_KEY: `whsec_${randomBytes(32).toString('base64')}`,
    HEADGATE_NOTIFY_ALLOW: receiver.address,
    HEADGATE_DATABASE_URL: database.databaseUrl,
    HEADGATE_DATABASE_ADMIN_URL: database.adminUrl,
  };
  one = await RealServer.start({ env });
  other = await RealServer.start({ env });
}, 60_000);

afterAll(async () => {
  await one?.remove();
  await other?.remove();
  await receiver?.close();
  await database?.close();
});

it('send each message once while both live, and at least once when one of them dies', async () => {
  const company = await SmallCompany.found(one);
  const channels = `[{name: hook, type: webhook, url: "${receiver.url}/in", secrets: [{env: HEADGATE_NOTIFY_KEY}]}]`;
  const names = Array.from({ length: 20 }, (_, n) => `team-${n}`);
  const text = names.map(
    (name) => `apiVersion: headgate/v1
kind: Notification
metadata: {name: ${name}, owner: team-shop}
spec: {audience: team, happenings: [planned, paused], gatherSeconds: 0, channels: ${channels}}
`,
  );
  const manager = await one.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'n.yaml', text: text.join('---\n') }] } });
  const release = await company.release('2.0.0');
  const developer = await one.client('developer');
  const ask = async () => {
    const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
    return id;
  };
  const first = await ask();
  await until('all are told', async () => receiver.received.length >= names.length);
  await manager.call('pausePromotion', { promotion: first, body: { reason: 'another' } });
  await until('all are told of the pause', async () => receiver.received.length >= 2 * names.length);
  expect([...receiver.ids().values()]).toEqual(Array(2 * names.length).fill(1));

  const hung = new Set<string>();
  receiver.answer = ({ headers }) => {
    hung.add(String(headers['webhook-id']));
    return 'hang';
  };
  const second = await ask();
  await until('messages are on their way', async () => hung.size >= 8);
  receiver.answer = () => 204;
  await one.kill();
  // Users were made by the first: their tokens are in its folder.
  const token = (await readFile(join(one.dataDir, 'secrets', 'auditor.token'), 'utf8')).trim();
  const auditor = createClient({ baseUrl: other.url, token });
  const settled = async () => {
    const { items } = await auditor.call('listDeliveries', { promotion: second, limit: 200 });
    return items.length === names.length && items.every((d) => d.state === 'sent') ? items : undefined;
  };
  await until('the other has sent them', async () => (await settled()) !== undefined, 60_000);
  const counted = receiver.ids();
  for (const { id } of (await settled()) ?? []) expect(counted.get(id)).toBeGreaterThanOrEqual(1);
  expect(counted.size).toBe(3 * names.length);
}, 120_000);
