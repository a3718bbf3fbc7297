import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { leafOf, openTreeHead, parseVerifierKey, verifyConsistency, verifyInclusion } from '@headgate/documents';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer, until } from './testing/real-server.ts';
import { refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
});
afterAll(() => server?.remove());

async function phaseOf(promotion: string): Promise<string> {
  return (await (await server.client('auditor')).call('showPromotion', { promotion })).phase;
}

describe('a release on its way', () => {
  it('goes through staging without an approval, and the same key asks for the same promotion', async () => {
    const release = await company.release('1.1.0');
    const developer = await server.client('developer');
    const body = { release, environment: 'staging' };
    const planned = await developer.call('planPromotion', { body });
    expect(planned.text).toContain('1.1.0');
    expect(planned.verdicts.map((v) => v.verdict)).toEqual(['pass']);
    // An approval binds to the latest finish, which counts from the request: no digest that is said before is that one.
    expect(Object.keys(planned).sort()).toEqual([
      'goingBack',
      'objections',
      'plan',
      'recoverability',
      'text',
      'verdicts',
    ]);
    const first = await developer.call('requestPromotion', { body }, { idempotencyKey: 'build-7' });
    const again = await developer.call('requestPromotion', { body }, { idempotencyKey: 'build-7' });
    expect(again.id).toBe(first.id);
    const other = developer.call(
      'requestPromotion',
      { body: { ...body, environment: 'production' } },
      { idempotencyKey: 'build-7' },
    );
    expect(await refused(other)).toMatchObject({ status: 409, code: 'key-reused' });
    await company.carryOut(async () => (await phaseOf(first.id)) === 'ended');
    const ended = await developer.call('showPromotion', { promotion: first.id });
    expect(ended).toMatchObject({ phase: 'ended', result: 'promoted' });
    const shown = await developer.call('showRelease', { digest: release });
    expect(shown.promoted.map((p) => p.environment)).toEqual(['staging']);
  });

  it('waits in production for somebody who is neither author nor requester, and says so', async () => {
    const release = await company.release('1.2.0');
    const developer = await server.client('developer');
    const body = { release, environment: 'production' };
    const { id, envelope } = await developer.call('requestPromotion', { body });
    await until('it waits for an approval', async () => {
      const { summary: text } = await developer.call('explainPromotion', { promotion: id });
      return /approval/.test(text);
    });
    const status = await developer.call('status');
    const waits = status.waits.filter((w) => w.where === `promotion/${id}`);
    expect(waits.length).toBeGreaterThan(0);
    for (const wait of waits) {
      expect(wait.until).toBeGreaterThan(status.at);
      expect(wait.unblock[0]?.who).toEqual(['approver']);
    }

    expect(await refused(developer.call('approvePromotion', { promotion: id, body: { envelope } }))).toMatchObject({
      status: 403,
      code: 'not-permitted',
    });
    const approver = await server.client('approver');
    const wrong = approver.call('approvePromotion', { promotion: id, body: { envelope: release } });
    expect(await refused(wrong)).toMatchObject({ status: 409, code: 'other-envelope' });
    const seen = await approver.call('showPromotion', { promotion: id });
    expect(seen.actions.approve).toMatchObject({ allowed: true });
    expect(seen.actions.promote).toBeUndefined();
    expect((await developer.call('showPromotion', { promotion: id })).actions.approve).toMatchObject({
      allowed: false,
    });
    await approver.call('approvePromotion', { promotion: id, body: { envelope } });
    const carried = await company.carryOut(async () => (await phaseOf(id)) === 'ended');
    expect(carried.length).toBeGreaterThan(3);
    expect((await developer.call('showPromotion', { promotion: id })).result).toBe('promoted');
    const types = (await placedEntries(server)).filter((e) => e.stream === `promotion/${id}`).map((e) => e.type);
    expect(types).toContain('promotion.approved');
    expect((await developer.call('listRollouts', { promotion: id })).items).toHaveLength(1);
  });

  it('goes back when a check fails, and its lease is fenced for whoever comes late', async () => {
    const release = await company.release('1.3.0');
    const developer = await server.client('developer');
    const { id, envelope } = await developer.call('requestPromotion', { body: { release, environment: 'production' } });
    await (await server.client('approver')).call('approvePromotion', { promotion: id, body: { envelope } });
    let late: { rollout: string; n: number } | undefined;
    const { didIt } = await import('./testing/small-company.ts');
    await company.carryOut(
      async () => (await phaseOf(id)) === 'ended',
      (assignment) => {
        late ??= { rollout: assignment.rollout, n: assignment.fence.n };
        if (assignment.course === 'forward' && assignment.action.kind === 'verify')
          return { kind: 'failed', code: 'check-failed', why: 'the till does not open' };
        return didIt(assignment);
      },
    );
    expect((await developer.call('showPromotion', { promotion: id })).result).toBe('rolled-back');
    const answer = company.agent.call('settleStep', { ...late!, body: { kind: 'done', result: {} } });
    expect((await refused(answer)).status).toBe(409);
    expect((await refused(company.agent.call('renewLease', late!))).code).toBe('fenced');
  });
});

describe('the log', () => {
  it('is signed, and proves its entries and its growth', async () => {
    const auditor = await server.client('auditor');
    const line = (await readFile(join(server.dataDir, 'log.pub'), 'utf8')).trim();
    const key = parseVerifierKey(line);
    if (!key.ok) throw new Error(key.why);
    const before = await until_head();
    await (await server.client('operator')).call('declareFreeze', {
      body: { scope: 'staging', name: 'x', to: Date.now() + 60_000, reason: 'a test' },
    });
    await until('the head grows', async () => (await until_head()).size > before.size);
    const after = await until_head();
    const { proof } = await auditor.call('logConsistency', { from: before.size, to: after.size });
    const hashes = proof.map((h) => Buffer.from(h, 'base64'));
    expect(verifyConsistency(before.size, before.root, after.size, after.root, hashes)).toBe(true);
    const { entries: page } = await auditor.call('logEntries', { from: 3, limit: 1 });
    const inclusion = await auditor.call('logInclusion', { place: 3, size: after.size });
    const path = inclusion.proof.map((h) => Buffer.from(h, 'base64'));
    expect(verifyInclusion(leafOf(Buffer.from(page[0]!.bytes, 'base64')), 3, after.size, after.root, path)).toBe(true);
    expect((await refused(auditor.call('logConsistency', { from: 0, to: 10_000_000 }))).code).toBe('beyond-head');

    async function until_head() {
      const opened = openTreeHead(await auditor.call('logHead'), {
        origin: key.ok ? key.key.name : '',
        logKeys: key.ok ? [key.key] : [],
      });
      if (!opened.ok) throw new Error(opened.why);
      return opened.head;
    }
  });

  it('is watched from a place on, as entries come', async () => {
    const auditor = await server.client('auditor');
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of await auditor.watch({ after: 1, signal: stop.signal })) {
        seen.push(event.id);
        if (event.event === 'freeze.lifted') return event.id;
      }
      return undefined;
    })();
    await (await server.client('operator')).call('liftFreeze', {
      scope: 'staging',
      name: 'x',
      body: { reason: 'over' },
    });
    const last = Number(await watching);
    stop.abort();
    expect(seen).toEqual(Array.from({ length: last - 1 }, (_, i) => String(i + 2)));
  });

  it('holds no token, no password and nothing of what was sent in vain', async () => {
    const text = JSON.stringify(await placedEntries(server)) + server.errors;
    for (const role of ['admin', 'approver', 'developer']) {
      const token = (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
      expect(text).not.toContain(token.split('.')[1]);
    }
    expect(text).not.toMatch(/postgres:\/\/[^ ]*:[^ ]*@/);
  });
});
