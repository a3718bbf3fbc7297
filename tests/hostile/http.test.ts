/**
 * Hostile requests: every field of every route, in every class of mutation, sent to a real server on a real database.
 * None may break it, change anything, or be refused without saying where. `npm run test:hostile` sends more of them, made
 * by chance from HEADGATE_HOSTILE_SEED.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Route, routes } from '@headgate/contract';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { asSuperuser } from '@headgate/server/testing/superuser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Coverage } from './generate/coverage.ts';
import { SEED } from './generate/sample.ts';
import { type Case, casesOf } from './http-cases.ts';
import { judge } from './judge.ts';
import { type Answer, send } from './send.ts';
import { type Held, heldIn } from './state.ts';

/** Requests under way at once; between two such rounds the database is looked at. */
const SIDE_BY_SIDE = 8;

let server: RealServer;
let known: Record<string, unknown>;
const tokens = new Map<string, string>();

beforeAll(async () => {
  server = await RealServer.start({ args: ['--log-level', 'warn'] });

  const company = await SmallCompany.found(server);
  for (const role of ['admin', 'approver'])
    tokens.set(role, (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim());
  const admin = await server.client('admin');
  const enrolled = await admin.call('enrolAgent', { body: { id: 'agt_hostile', environments: ['nowhere'] } });
  tokens.set('agent', enrolled.token);

  const release = await company.release('1.1.0');
  await company.carryOut(async () => true);
  const promotion = await (await server.client('developer')).call('requestPromotion', {
    body: { release, environment: 'production' },
  });

  const { id, envelope } = promotion;
  known = {
    '* path promotion': id,
    '* path rollout': `${id}.live`,
    '* path cell': 'live',
    '* path environment': 'production',
    '* path digest': release,
    '* path kind': 'Policy',
    '* path name': 'free',
    '* path id': 'usr_auditor',
    '* query environment': 'production',
    'requestPromotion body release': release,
    'planPromotion body release': release,
    'requestPromotion body environment': 'production',
    'planPromotion body environment': 'production',
    'approvePromotion body envelope': envelope,
    'applyDocuments body files[].text': 'kind: nothing',
    // Sides whose sums differ don't agree.
    'settleStep body |0.result.reconciliation.agrees': false,
    'settleStep body |2.result.reconciliation.agrees': false,
    'tellUndone body steps[].result.reconciliation.agrees': false,
  };
});
afterAll(() => server?.remove());

function tokenFor(the: Case): string | undefined {
  const { needs } = routes[the.route] as Route;
  const role =
    needs.includes('carry-out') && !needs.includes('read') ? 'agent' : needs.includes('approve') ? 'approver' : 'admin';
  return needs.length === 0 ? undefined : tokens.get(role);
}

async function ask(the: Case): Promise<Answer> {
  const token = tokenFor(the);
  for (;;) {
    const answer = await send(server.url, the, token === undefined ? {} : { authorization: `Bearer ${token}` });
    // It is not how often we ask that is tried here.
    if (answer.status !== 429) return answer;
    await new Promise((resolve) => setTimeout(resolve, Number(answer.headers['retry-after']) * 1_000));
  }
}

/** Seconds on a quiet machine; a busy one is no reason to fail. Milliseconds. */
const PATIENCE_MS = 600_000;

test(
  'no field of any route, in no class of mutation, breaks the server, changes anything or is refused without its place',
  async () => {
    const coverage = new Coverage();
    const cases = casesOf(known, coverage);
    const wrong: string[] = [];
    const pid = server.pid;
    await asSuperuser(server, async (db) => {
      const round = async (these: readonly Case[], mayChange: boolean, before: Held): Promise<Held> => {
        await Promise.all(
          these.map(async (the) => {
            const judged = judge(the, await ask(the));
            coverage.count(the.schema, the.field, the.of, judged.verdict);
            if (judged.wrong !== undefined) wrong.push(judged.wrong);
          }),
        );
        const after = await heldIn(db);
        if (!mayChange && JSON.stringify(after) !== JSON.stringify(before))
          wrong.push(
            `${JSON.stringify(before)} became ${JSON.stringify(after)} by one of\n${these.map(shortly).join('\n')}`,
          );
        return after;
      };
      let held = await heldIn(db);
      // What the contract takes may change something by right; it comes last.
      for (const mayChange of [false, true]) {
        const these = cases.filter(({ legal }) => legal === mayChange);
        for (let i = 0; i < these.length; i += SIDE_BY_SIDE)
          held = await round(these.slice(i, i + SIDE_BY_SIDE), mayChange, held);
      }
    });
    const { fields, cases: sent } = coverage;
    process.stdout.write(`\n${coverage.table()}\n${fields} fields, ${sent} requests, seed ${SEED}\n`);
    expect(wrong.slice(0, 15)).toEqual([]);
    expect(wrong.length).toBe(0);
    expect(coverage.holes()).toEqual([]);
    expect({ pid: server.pid, ready: (await fetch(`${server.url}/readyz`)).ok }).toEqual({ pid, ready: true });
    expect(server.errors).not.toMatch(/a request failed|unhandled|uncaught|"level":[56]0/i);
  },
  PATIENCE_MS,
);

const shortly = ({ method, url, of, what, field }: Case): string =>
  `${method} ${url.slice(0, 120)} ${field} ${of} ${what}`;
