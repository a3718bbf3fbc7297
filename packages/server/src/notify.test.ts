/** Telling people, end to end: a real server, a real promotion, a real receiver. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Delivery } from '@headgate/contract';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer, until } from './testing/real-server.ts';
import { Receiver } from './testing/receiver.ts';
import { SmallCompany } from './testing/small-company.ts';

const SECRETS = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`) as [string, string];

let receiver: Receiver;
let server: RealServer;
let company: SmallCompany;

function notifications(): string {
  const hook = (path: string, more = '') =>
    `{name: hook, type: webhook, url: ${receiver.url}/${path}, secrets: [{env: HEADGATE_NOTIFY_ONE}, {env: HEADGATE_NOTIFY_TWO}]${more}}`;
  return `
apiVersion: headgate/v1
kind: Notification
metadata: {name: team, owner: team-shop}
spec: {audience: team, gatherSeconds: 0, channels: [${hook('team')}]}
---
apiVersion: headgate/v1
kind: Notification
metadata: {name: approvers, owner: team-shop}
spec: {audience: approvers, gatherSeconds: 0, principals: [usr_approver], channels: [${hook('approvers')}]}
---
apiVersion: headgate/v1
kind: Notification
metadata: {name: acme, owner: sales}
spec: {audience: customers, tenants: [live/acme], gatherSeconds: 0, channels: [${hook('acme')}]}
---
apiVersion: headgate/v1
kind: Notification
metadata: {name: gone, owner: sales}
spec: {audience: support, happenings: [planned], gatherSeconds: 0, channels: [${hook('gone')}]}
---
apiVersion: headgate/v1
kind: Notification
metadata: {name: events, owner: sales}
spec: {audience: team, channels: [${hook('events', ', format: cdevents')}]}
`;
}

async function apply(text: string): Promise<void> {
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'notify.yaml', text }] } });
}

async function deliveries(filter: Record<string, string> = {}): Promise<readonly Delivery[]> {
  const auditor = await server.client('auditor');
  const all: Delivery[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: { items: Delivery[]; next: string | null } = await auditor.call('listDeliveries', {
      ...filter,
      limit: 3,
      ...(cursor === undefined ? {} : { cursor }),
    });
    all.push(...page.items);
    cursor = page.next;
  }
  return all;
}

const at = (path: string) => receiver.received.filter((r) => r.path === `/${path}`);
const said = (path: string) => at(path).map((r) => (JSON.parse(r.body) as { type: string }).type);

async function promote(environment: string, release: string): Promise<string> {
  const developer = await server.client('developer');
  const body = { release: release as `sha256:${string}`, environment };
  return (await developer.call('requestPromotion', { body })).id;
}

async function ended(promotion: string): Promise<boolean> {
  return (await (await server.client('auditor')).call('showPromotion', { promotion })).phase === 'ended';
}

beforeAll(async () => {
  receiver = await Receiver.open();
  receiver.answer = ({ path }) => (path === '/gone' ? 410 : 204);
  server = await RealServer.start({
    env: {
      HEADGATE_NOTIFY_ONE: SECRETS[0],
      HEADGATE_NOTIFY_TWO: SECRETS[1],
      HEADGATE_NOTIFY_ALLOW: receiver.address,
    },
  });
  company = await SmallCompany.found(server);
  await apply(notifications());
}, 60_000);

afterAll(async () => {
  await server?.remove();
  await receiver?.close();
});

describe('a promotion is told', () => {
  let promotion: string;
  beforeAll(async () => {
    const release = await company.release('1.1.0');
    const staged = await promote('staging', release);
    await company.carryOut(() => ended(staged));
    promotion = await promote('production', release);
    await until('the approvers are asked', async () => said('approvers').length > 0);
    const approver = await server.client('approver');
    const { envelope } = await approver.call('showPromotion', { promotion });
    await approver.call('approvePromotion', { promotion, body: { envelope } });
    await company.carryOut(() => ended(promotion));
    const open = async () => (await deliveries()).filter((d) => d.state === 'waiting' || d.state === 'sending');
    await until('all is sent', async () => said('acme').includes('headgate.finished') && (await open()).length === 0);
  }, 60_000);

  it('to the team in both environments, once each', () => {
    const both = ['headgate.planned', 'headgate.started', 'headgate.finished'];
    // The cells were adopted just before anybody was to be told, which may be read before it or after.
    const found = said('team').filter((type) => !['headgate.waiting', 'headgate.adopted'].includes(type));
    expect(found.sort()).toEqual([...both, ...both].sort());
  });

  it('by rows that are what the log’s entries lead to', async () => {
    const auditor = await server.client('auditor');
    const page = await auditor.call('auditLog', { limit: 500 });
    expect(page).toMatchObject({ differences: [], next: null });
    const told = (await deliveries()).length;
    expect(told).toBeGreaterThan(5);
    expect(page.checked).toBeGreaterThan(told);
  });

  it('to approvers only while something waits for them', () => {
    expect(said('approvers')).toEqual(['headgate.waiting']);
  });

  it('to a customer only of its own tenant, without what is inside', () => {
    expect(said('acme').sort()).toEqual(['headgate.finished', 'headgate.planned', 'headgate.started']);
    for (const { body } of at('acme')) expect(body).not.toMatch(/prm_|usr_|bolt|wave|live/);
    expect(at('acme')[0]?.body).toContain('acme');
  });

  it('signed so that a receiver’s library believes it with either secret, and no other', () => {
    for (const { headers, body } of receiver.received) {
      const given = headers as Record<string, string>;
      for (const secret of SECRETS) expect(new Webhook(secret).verify(body, given)).toBeTruthy();
      expect(() => new Webhook(SECRETS[0]).verify(`${body} `, given)).toThrow();
      expect(() => new Webhook(`whsec_${randomBytes(32).toString('base64')}`).verify(body, given)).toThrow();
    }
    expect(receiver.received.length).toBeGreaterThan(10);
  });

  it('so that the receiver of our documentation believes it, and nothing that was changed', async () => {
    const text = await readFile(new URL('../../../docs/notifications.md', import.meta.url), 'utf8');
    const folder = await mkdtemp(join(tmpdir(), 'headgate-snippet-'));
    const file = join(folder, 'verified.mjs');
    await writeFile(file, /```js\n(.*?)```/s.exec(text)?.[1] ?? '');
    type Verified = (headers: object, body: string, secret: string, now?: number) => { id: string; message: object };
    const { verified } = (await import(pathToFileURL(file).href)) as { verified: Verified };
    await rm(folder, { recursive: true });
    for (const { headers, body } of receiver.received) {
      expect(verified(headers, body, SECRETS[1])).toEqual({ id: headers['webhook-id'], message: JSON.parse(body) });
      expect(() => verified(headers, `${body} `, SECRETS[0])).toThrow('not signed');
      expect(() => verified({ ...headers, 'webhook-id': 'msg_0' }, body, SECRETS[0])).toThrow('not signed');
      expect(() => verified(headers, body, SECRETS[0], Date.now() + 600_000)).toThrow('too old');
    }
  });

  it('to programs as CloudEvents, each by itself', () => {
    const events = at('events').map(({ headers, body }) => {
      expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
      return JSON.parse(body) as { specversion: string; id: string; type: string; data: object };
    });
    const types = events.map(({ type }) => type.slice('dev.cdevents.'.length, -'.0.3.0'.length));
    const once = [
      'pipelinerun.queued',
      'pipelinerun.started',
      'service.upgraded',
      'pipelinerun.finished',
      'environment.modified',
    ];
    expect(types.sort()).toEqual([...once, ...once].sort());
    expect(new Set(events.map(({ id }) => id)).size).toBe(10);
  });

  it('no more to who says 410, with the reason on the log, until a person tries again', async () => {
    const [given] = await deliveries({ notification: 'gone' });
    expect(given).toMatchObject({ state: 'given-up', why: expect.stringContaining('410'), attempt: 1 });
    const auditor = await server.client('auditor');
    const log = JSON.stringify(await placedEntries(server));
    expect(log).toContain('"type":"delivery.given-up"');
    for (const secret of SECRETS) expect(log + server.errors).not.toContain(secret.slice(6));
    receiver.answer = () => 204;
    const id = given?.id as string;
    const before = at('gone').length;
    await expect(auditor.call('retryDelivery', { delivery: id })).rejects.toThrow();
    const manager = await server.client('release-manager');
    await manager.call('retryDelivery', { delivery: id });
    await until('it is sent', async () => (await auditor.call('showDelivery', { delivery: id })).state === 'sent');
    const again = at('gone').slice(before);
    expect(again.map((r) => r.headers['webhook-id'])).toEqual([id]);
    const { actions } = await auditor.call('showDelivery', { delivery: id });
    expect(actions.retry).toMatchObject({ allowed: false });
  });

  it('by lists that are paged and filtered by promotion, channel and state', async () => {
    const ofIt = await deliveries({ promotion });
    expect(ofIt.length).toBeGreaterThan(5);
    expect(new Set(ofIt.map((d) => d.promotion))).toEqual(new Set([promotion]));
    expect(new Set((await deliveries()).map((d) => d.id)).size).toBe((await deliveries()).length);
    expect((await deliveries({ state: 'given-up' })).map((d) => d.notification)).toEqual(['gone']);
    expect((await deliveries({ channel: 'none' })).length).toBe(0);
  });

  it('by a trial, and by a preview of what would be said', async () => {
    const manager = await server.client('release-manager');
    const trial = await manager.call('testNotification', { notification: 'team', body: { channel: 'hook' } });
    await until('the trial came', async () => said('team').includes('headgate.test'));
    expect(receiver.ids().get(trial.id)).toBe(1);
    const seen = await manager.call('previewNotification', { notification: 'acme', about: 'finished' });
    expect(seen.text).toContain('is done');
  });
});

describe('a freeze is told', () => {
  it('to the team and to approvers at once, with who and why, to no customer, and so is its end', async () => {
    const operator = await server.client('operator');
    const body = { scope: 'production', to: null, reason: 'the ledger burns' };
    const { name } = await operator.call('declareFreeze', { body });
    await until('approvers hear it', async () => said('approvers').includes('headgate.frozen'));
    await until('the team hears it', async () => said('team').includes('headgate.frozen'));
    const told = at('team').find(({ body: text }) => text.includes('headgate.frozen'))?.body ?? '';
    expect(told).toContain(`${name}, until it is lifted, by usr_operator: the ledger burns`);
    expect(JSON.parse(told)).toMatchObject({ data: { subject: 'Frozen: production' } });
    await operator.call('liftFreeze', { scope: 'production', name, body: { reason: 'it is out' } });
    await until('its end is heard', async () => said('team').includes('headgate.lifted'));
    expect(said('acme').filter((type) => /frozen|lifted/.test(type))).toEqual([]);
  });
});

describe('a server that is killed while it sends', () => {
  it('loses no message, and sends none under another id', async () => {
    receiver.received.length = 0;
    const hung = new Set<string>();
    // Each message is taken, and never answered, the first time: the server is killed with all of them on their way.
    receiver.answer = ({ headers }) => {
      const id = String(headers['webhook-id']);
      if (hung.has(id)) return 204;
      hung.add(id);
      return 'hang';
    };
    const promotions: string[] = [];
    const release = await company.release('1.2.0');
    promotions.push(await promote('staging', release));
    await until('a message is on its way', async () => hung.size > 0);
    await server.kill();
    await server.start();
    await until('more are on their way', async () => hung.size > 2);
    const manager = await server.client('release-manager');
    const promotion = { promotion: promotions[0] as string };
    // A pause that came before its first wave would leave nothing to be told of a start.
    await until('it has begun', async () => (await manager.call('showPromotion', promotion)).wave === 1);
    // Placed, and perhaps not read yet.
    await manager.call('pausePromotion', { ...promotion, body: { reason: 'another' } });
    await server.kill();
    receiver.answer = () => 204;
    await server.start();
    await until('the pause is told', async () => said('team').includes('headgate.paused'));
    const open = async () => (await deliveries()).filter((d) => d.state === 'waiting' || d.state === 'sending');
    await until('all is settled', async () => (await open()).length === 0, 60_000);
    expect(said('team')).toContain('headgate.paused');
    const made = (await deliveries(promotion)).map((d) => d.id);
    // Planned, started and paused to the team; planned to the one that was gone; two events.
    expect(made.length).toBe(6);
    const counted = receiver.ids();
    for (const id of made) expect(counted.get(id)).toBeGreaterThanOrEqual(1);
    for (const id of hung) expect(counted.get(id)).toBeGreaterThanOrEqual(2);
    const stored = new Set((await deliveries()).map((d) => d.id));
    for (const id of counted.keys()) expect(stored.has(id)).toBe(true);
  }, 120_000);
});
