/** A plan that is carried out beside promotions, by a running agent: who waits for whom. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, digestOfJson } from '@headgate/documents';
import { reconciliation } from '@headgate/documents/kinds/reconciliation';
import { compensationOf } from '@headgate/domain';
import type { CompensationContext } from '@headgate/execution';
import { aCell } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningAgent, SHIPPED, startAgent } from '../agent.ts';
import type { Cell } from '../cells/cell.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';

/** A cell whose sides are looked at for as long as nobody ends it. */
class LookingCell extends CountingCell {
  readonly looks: CompensationContext[] = [];
  override observe(): never {
    return Promise.resolve({ state: aCell(), manifests: [] }) as never;
  }
  override compensate(...[_, ctx]: Parameters<Cell['compensate']>): ReturnType<Cell['compensate']> {
    this.looks.push(ctx);
    return new Promise((__, reject) => {
      ctx.signal.addEventListener('abort', () => reject(new Error('the look was ended')), { once: true });
    });
  }
}

const document = reconciliation.document.parse({
  ...{ apiVersion: 'headgate/v1', kind: 'Reconciliation', metadata: { name: 'invoices', owner: 'team' } },
  spec: {
    left: { sql: 'select 1' },
    right: { connection: 'ledger', path: '/entries?tenant={tenant}', items: '/items' },
    ...{ key: { left: 'key', right: 'key' }, tenant: { left: 'tenant' } },
    ...{ compare: [{ name: 'total', left: 'total', right: 'total', as: 'number' }], rules: [] },
  },
});
const plan = compensationOf(
  {
    ...{ reconciliation: 'invoices', document: digestOfJson(document), environment: 'production' },
    ...{ cell: 'shared', store: 'main', among: ['ada'] },
  },
  [],
);
const ASK = { plan: canonicalJson(plan), document: { ...document }, approvals: [], user: 'uid-1' };

let sealed: SealedPlan;
let server: ScriptedServer;
let cell: LookingCell;
let dir: string;
let agent: RunningAgent;

beforeEach(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  cell = new LookingCell();
  dir = await mkdtemp(join(tmpdir(), 'headgate-agent-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  const tenants = { ada: { store: 'main', ring: 'internal' } };
  const stores = { stores: {}, externalStores: {} };
  const own = { kind: 'process', cell: 'shared', environment: 'production', application: 'psa', tenants, ...stores };
  const config = agentConfig(dir, server.url, { watchEveryMs: 60_000, cells: [own as never] });
  agent = await startAgent(config, { ...SHIPPED, openCell: async (): Promise<Cell> => cell }, silent);
  await eventually(() => server.observed.length > 0);
});
afterEach(async () => {
  await agent.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const codeOf = (answer: Awaited<ReturnType<typeof agent.behind.carryOut>>) => (answer.ok ? 'ok' : answer.refusal.code);

test('a step of a promotion that comes ends it, is carried out, and the person is told to run it again', async () => {
  const carrying = agent.behind.carryOut(ASK, () => {});
  await eventually(() => cell.looks.length === 1);
  server.offer(sealed.forward('w1.route', { fence: { epoch: 1, n: 4 } }));
  const answer = await carrying;
  expect(answer).toMatchObject({
    ok: false,
    refusal: { code: 'interrupted', why: expect.stringContaining('a step of a promotion begins') },
  });
  expect(cell.looks[0]!.remainingMs()).toBe(0);
  await eventually(() => server.settled.length === 1);
  expect(server.settled).toMatchObject([{ n: 4, outcome: { kind: 'done' } }]);

  // From now on that step's token is the newest.
  await eventually(() => {
    // Its worker may still be about to end.
    void agent.behind.carryOut(ASK, () => {});
    return cell.looks.length === 2;
  });
  expect(cell.looks[1]!.fence).toEqual({ epoch: 1, n: 4 });
});

test('two people can’t have plans carried out in one cell at once', async () => {
  void agent.behind.carryOut(ASK, () => {});
  await eventually(() => cell.looks.length === 1);
  expect(codeOf(await agent.behind.carryOut(ASK, () => {}))).toBe('cell-busy');
  expect(cell.looks).toHaveLength(1);
});
