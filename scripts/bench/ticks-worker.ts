/**
 * One server process of the measure: the shipped control plane with all its loops, and beside it the agents of some
 * environments, which lease and settle through the shipped use cases and succeed at everything at once.
 *
 *   node ticks-worker.ts '{"databaseUrl": …, "dir": …, "environments": […]}'
 *
 * Ends when its standard input does, so it can't outlive the bench.
 */

import { argv, stdin } from 'node:process';
import { Allowed, ChannelCourier, Secrets } from '@headgate/adapters/control/notify/index';
import { type Assignment, leaseStep, settleStep } from '@headgate/control';
import type { Action, Outcome } from '@headgate/domain';
import { openControlPlane } from '@headgate/server/control-plane';
import { openFolder } from '@headgate/server/installation/folder';
import { destination, pino } from 'pino';
import { agentOf } from './fleet.ts';

interface Work {
  readonly databaseUrl: string;
  readonly dir: string;
  readonly environments: readonly string[];
}

/** As the server's long poll: woken by offers of its own process, and looking by itself for those of others. */
const LOOK_MS = 200;

const { databaseUrl, dir, environments } = JSON.parse(argv[2] ?? '') as Work;
const plane = await openControlPlane({
  courier: new ChannelCourier(new Allowed([]), new Secrets('', {})),
  databaseUrl,
  folder: await openFolder(dir),
  trustFile: `${dir}/trust.yaml`,
  version: 'bench',
  log: pino({ level: 'error' }, destination({ fd: 2, sync: true })),
  databaseTrouble: () => '',
});
const { deps, gatherers, stop } = plane.context;
plane.start();
const settling = new Set<Promise<void>>();
const agents = environments.map(work);
process.send?.('started');
stdin.resume();
stdin.once('end', async () => {
  plane.beginStop();
  await Promise.all(agents);
  await Promise.all(settling);
  await plane.stop();
  process.exit(0);
});

async function work(environment: string): Promise<void> {
  const agent = agentOf(environment);
  while (!stop.aborted) {
    const woken = plane.context.offered.wait(LOOK_MS, stop);
    const leased = await leaseStep(deps, gatherers, agent);
    if (!leased.ok) throw new Error(`an agent may not lease: ${JSON.stringify(leased.refusals)}`);
    if (leased.value === undefined) {
      await woken;
      continue;
    }
    const settled = settle(leased.value, environment).finally(() => settling.delete(settled));
    settling.add(settled);
  }
}

/** Answers; whoever was overtaken by a lost lease leaves it. */
async function settle(assignment: Assignment, environment: string): Promise<void> {
  const { rollout, fence, action } = assignment;
  await settleStep(deps, gatherers, agentOf(environment), rollout, fence.n, success(action)).catch((error: Error) =>
    process.stderr.write(`bench: a step was not settled: ${error.message}\n`),
  );
}

function success(action: Action): Outcome {
  const observedAt = Date.now();
  switch (action.kind) {
    case 'restore-point': {
      const { store } = action;
      const manifest = `sha256:${'0'.repeat(64)}` as const;
      const restorePoint = { id: `rp-${store}`, store, takenAt: observedAt, manifest, bytes: 1, verified: true };
      return { kind: 'done', result: { observedAt, restorePoint } };
    }
    case 'migrate':
    case 'unmigrate':
    case 'restore':
      return { kind: 'done', result: { observedAt, schemaVersion: action.to } };
    case 'route':
    case 'hold':
    case 'open':
    case 'close-operations':
    case 'open-operations':
      return { kind: 'done', result: { observedAt, routed: action.tenants.length } };
    case 'verify':
    case 'soak':
      return { kind: 'done', result: { observedAt, checks: { passed: action.tenants.length, failed: 0 } } };
    case 'reconcile': {
      const reconciliation = { compared: 1, replayed: 0, acknowledged: 0, asked: 0, agrees: true };
      return { kind: 'done', result: { observedAt, reconciliation } };
    }
    case 'deploy':
    case 'retire':
      return { kind: 'done', result: { observedAt } };
  }
}
