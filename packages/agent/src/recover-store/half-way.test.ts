/** A store that is half way back in its place: the agent leaves its cell alone, and says so, running or not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@headgate/documents';
import { aCell } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningAgent, SHIPPED, startAgent } from '../agent.ts';
import type { Cell } from '../cells/cell.ts';
import { showStatus } from '../commands/status.ts';
import type { AgentConfig } from '../config.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import { StandingFile } from './standing.ts';

class SeenCell extends CountingCell {
  override observe(): never {
    return Promise.resolve({ state: aCell(), manifests: [] }) as never;
  }
}

let sealed: SealedPlan;
let server: ScriptedServer;
let dir: string;
let config: AgentConfig;
let standing: StandingFile;
let agent: RunningAgent | undefined;
let opened = 0;

beforeEach(async () => {
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
  dir = await mkdtemp(join(tmpdir(), 'headgate-half-way-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  const cell = { cell: 'shared', environment: 'production', application: 'psa', stores: { main: {} } };
  config = agentConfig(dir, server.url, {
    watchEveryMs: 60_000,
    cells: [cell as unknown as AgentConfig['cells'][number]],
  });
  standing = new StandingFile(config.dataDir, 'shared', 'main');
  opened = 0;
});
afterEach(async () => {
  await agent?.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const halfDone = (phase: 'held' | 'placed') =>
  standing.write({
    ...{ proposal: digestOf('proposal'), phase, by: 'usr_run', approval: { by: 'usr_bob', digest: digestOf('yes') } },
    ...{ startedAt: 1_764_000_000_000, heldBefore: [] },
  });
const status = () => typed(async () => showStatus(config, 'agent.yaml', false), []);
const SAID =
  /HALF WAY: the way back of the store main is half done since 2025-11-24T16:00:00\.000Z \(proposal sha256:[0-9a-f]+\): its tenants are held, and what stands there wasn’t checked\. The agent leaves this cell alone.*recover-store apply PROPOSAL/;

test('the cell isn’t opened, a step is handed back with the reason, and status says it until it is over', async () => {
  await halfDone('placed');
  expect(await status()).toMatchObject({ code: 5, out: expect.stringMatching(SAID) });
  const openCell = async (): Promise<Cell> => {
    opened += 1;
    return new SeenCell();
  };
  agent = await startAgent(config, { ...SHIPPED, openCell }, silent);
  server.offer(sealed.forward('w1.route', { fence: { epoch: 1, n: 1 } }));
  await eventually(() => server.settled.length > 0);
  expect(server.settled[0]?.outcome).toMatchObject({
    kind: 'waiting',
    reason: expect.stringMatching(/^the way back of the store main is half done/),
  });
  expect(await status()).toMatchObject({ code: 5, out: expect.stringMatching(SAID) });
  expect(opened).toBe(0);
  await standing.end();
  await eventually(() => opened === 1);
  await eventually(() => server.observed.length > 0);
  expect(await status()).toMatchObject({ code: 0, out: expect.not.stringContaining('HALF WAY') });
});
