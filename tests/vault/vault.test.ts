/**
 * From a store's vault to the gate: an agent's rounds bring its log there and look at it, a real server hears of it, and what a plan
 * states and may do turns with what lies there.
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DrilledWorld, drilledWorld } from '@headgate/adapters/execution/drill/testing/drilled-world';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { ControlPlane } from '@headgate/agent/control-plane/control-plane';
import { halfWayOf } from '@headgate/agent/recover-store/half-way';
import { StandingFile } from '@headgate/agent/recover-store/standing';
import { WalRounds } from '@headgate/agent/schedule/wal-rounds';
import { VaultRounds } from '@headgate/agent/vaults/vault-rounds';
import { type Client, createClient } from '@headgate/contract';
import { digestOf, signDrill } from '@headgate/documents';
import type { DrillFacts, ToldVault } from '@headgate/domain';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CELL = `apiVersion: headgate/v1
kind: Cell
metadata: {name: shared, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [{name: main}]}
---
apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: restore-drilled, params: {rtoMs: 60000, rpoMs: 600000, drillMaxAgeMs: 3600000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let world: DrilledWorld;
let wal: WalRounds | undefined;
let rounds: VaultRounds | undefined;
let release: Awaited<ReturnType<SmallCompany['release']>>;
const logged: string[] = [];
/** All that the server heard, in its order. */
const told: ToldVault[] = [];

type Planned = Awaited<ReturnType<typeof plan>>;
const plan = () => manager.call('planPromotion', { body: { release, environment: 'production' } });
const gateOf = ({ verdicts }: Planned) =>
  verdicts.find(({ gate }) => gate === 'restore-drilled') as { verdict: string; because: string; unblock: string };
const storeOf = ({ recoverability }: Planned) => recoverability?.stores.find(({ cell }) => cell === 'shared');
const vaultsOf = async () => (await manager.call('status')).vaults ?? [];
const becomes = (verdict: string, because: RegExp) =>
  expect
    .poll(async () => gateOf(await plan()), { timeout: 45_000, interval: 250 })
    .toMatchObject({ verdict, because: expect.stringMatching(because) });

/** A drill of a cell's store that ended so long ago, well. */
async function drilled(cell: string, agoMs: number): Promise<void> {
  const at = Date.now() - agoMs;
  const facts: DrillFacts = {
    from: { environment: 'production', cell, store: 'main' },
    startedAt: at - 20_000,
    at,
    point: {
      ...{ id: 'rp-1', takenAt: at - 50_000, sealedAt: at - 45_000, manifest: digestOf('a manifest') },
      ...{ schemaVersion: 1, form: 'physical', major: 15, bytes: 1_000, files: 3 },
    },
    took: { fetchedMs: 5_000, restoredMs: 10_000, comparedMs: 12_000, checkedMs: 20_000 },
    schemaVersion: 1,
    census: { tables: 1, rows: 10, differences: [], unsettled: [] },
    files: { compared: 0, wrong: [] },
    amcheck: { problems: [] },
  };
  const bundle = JSON.parse(JSON.stringify(signDrill(facts, await vaultKey(world.vault.keyFile))));
  await company.agent.call('recordDrill', { body: { bundle } });
}

describe('what lies in the vault of a store that a release migrates', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    [server, world] = await Promise.all([RealServer.start(), drilledWorld()]);
    company = await SmallCompany.found(server);
    manager = await server.client('release-manager');
    await manager.call('applyDocuments', { body: { files: [{ name: 'cell.yaml', text: CELL }] } });
    await company.agent.call('observeCell', { cell: 'shared', body: company.observation('shared', 'production') });
    await manager.call('adoptCell', { cell: 'shared', body: { manifests: [company.baseline.manifest] } });
    const file = join(server.dataDir, 'trust.yaml');
    const trust = JSON.parse(await readFile(file, 'utf8'));
    const { publicKeyPem } = await vaultKey(world.vault.keyFile);
    trust.spec.signers.push({ name: 'agent', may: ['restore-point'], publicKey: publicKeyPem });
    await writeFile(file, JSON.stringify(trust));
    const up = { name: 'm2.sql', digest: digestOf(company.artifact), size: company.artifact.length };
    const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'expand', up, undo: 'keep' }];
    release = await company.release('2.0.0', { schemaRange: { min: 1, max: 2 }, migrations });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([rounds?.stop(), wal?.stop()]);
    await Promise.all([server?.remove(), world?.real.remove()]);
  });

  it('is stated by a plan where nobody told of it and nobody measured it', async () => {
    const planned = await plan();
    expect(gateOf(planned)).toMatchObject({ verdict: 'no-data' });
    expect(planned.recoverability?.targets).toEqual({ rpoMs: 600_000, rtoMs: 60_000, drillMaxAgeMs: 3_600_000 });
    expect(planned.recoverability?.counts).toEqual({ missed: 0, 'not-known': 2, unasked: 0, met: 0 });
    expect(planned.text).toContain('What could be brought back');
    expect(planned.text).toContain('RPO and RTO: NEVER MEASURED, no drill brought it back');
    expect(planned.text).toContain('no restore point is known of: its agent tells of no vault');
    await drilled('live', 90_000);
    await drilled('shared', 60_000);
    const measured = storeOf(await plan());
    expect(measured).toMatchObject({ standing: 'met', measured: { ok: true, rtoMs: 12_000, rpoMs: 30_000 } });
    expect(measured?.newest?.id).toBe('rp-1');
  });

  it('is told by its agent: nothing yet, then a restore point with its log, and how much would be lost now', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('enrolAgent', { body: { id: 'agt_vault', environments: ['production'] } });
    const cell = { ...world.cell, vault: { ...world.vault, wal: { everyMs: 1_000 } } };
    const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
    wal = new WalRounds({ cells: [cell], log, worker: () => ({ cell: {} as never }) }).start();
    const real = new ControlPlane(createClient({ baseUrl: server.url, token }));
    const plane: Pick<ControlPlane, 'tellVaults'> = {
      tellVaults(cellOf, stores) {
        told.push(...stores);
        return real.tellVaults(cellOf, stores);
      },
    };
    rounds = new VaultRounds({
      ...{ cells: [cell], everyMs: 200, lookEveryMs: 500, plane, log, trust: { signers: [] } },
      wal: (name) => wal?.of(name) ?? [],
      lookAtLog: (name, store) => wal?.lookAgain(name, store),
      halfWay: (cellOf, store) => halfWayOf(world.real.dir, cellOf, store),
    });
    rounds.start();
    await becomes('fail', /^there is no restore point of shared\/main in its vault$/);
    expect(await vaultsOf()).toMatchObject([
      { cell: 'shared', store: 'main', state: 'none', mend: expect.stringMatching(/\S/) },
    ]);
    await world.seal();
    await becomes('pass', /was drilled/);
    const planned = await plan();
    expect(storeOf(planned)).toMatchObject({ standing: 'met', lostMs: expect.any(Number) });
    expect(planned.text.replace(/\s+/g, ' ')).toMatch(
      /newest restore point rp-\S+ of .* ago, in its vault; the last \d+ s would be lost now/,
    );
    expect(await vaultsOf()).toMatchObject([{ state: 'kept', mend: '' }]);
    const shown = await manager.call('showCell', { cell: 'shared' });
    expect(shown.vaults).toMatchObject([{ store: 'main', state: 'kept' }]);
    expect((await manager.call('showIncident', {} as never)).vaults).toEqual([]);
  });

  it('turns the gate when a piece of the log is taken away, by its name, until a restore point follows', async () => {
    const of = join(world.vaultDir, 'wal', 'production', 'shared', 'main');
    const [system] = (await readdir(of)).filter((name) => name !== 'reach.json');
    const pieces = async () =>
      (await readdir(join(of, system!))).filter((name) => /^[0-9A-F]{24}\.age$/.test(name)).sort();
    const before = new Set(await pieces());
    for (let n = 0; n < 3; n++) {
      const count = (await pieces()).length;
      await world.query(`insert into entry values (${80_001 + n}, 'later')`);
      await expect.poll(async () => (await pieces()).length, { timeout: 20_000 }).toBeGreaterThan(count);
    }
    const name = (await pieces()).filter((each) => !before.has(each))[0]!.slice(0, 24);
    // Out of the vault and out of the archive, from which the agent would bring it again.
    await rm(join(world.backed.archiveDir, name), { force: true });
    await rm(join(of, system!, `${name}.age`));
    await becomes('fail', new RegExp(`the log of shared/main has a gap in its vault: .*${name}`));
    expect(gateOf(await plan()).unblock).toContain('vault.schedule');
    expect(storeOf(await plan())).toMatchObject({ standing: 'missed', because: expect.stringContaining(name) });
    expect(await vaultsOf()).toMatchObject([{ state: 'gap', gap: expect.stringContaining(name) }]);
    const { vaults } = await manager.call('showIncident', {} as never);
    expect(vaults).toMatchObject([{ cell: 'shared', state: 'gap', words: expect.stringContaining(name) }]);
    const auditor = await server.client('auditor');
    await expect
      .poll(() => auditor.call('metrics'), { timeout: 20_000, interval: 500 })
      .toContain('headgate_vault_stores{environment="production",state="gap"} 1');
    expect(logged.join('')).toContain('the WAL in the vault has a gap');
    await world.seal();
    await becomes('pass', /was drilled/);
    expect(await vaultsOf()).toMatchObject([{ state: 'kept' }]);
  });

  it('never counts the log from a restore point that is the newest again before it was looked at from there', async () => {
    const points = join(world.vaultDir, 'points', 'production', 'shared', 'main');
    const [older, newest] = (await readdir(points)).sort();
    const part = join(points, newest!, 'database-00001.age');
    const from = told.length;
    await rename(part, `${part}.away`);
    await becomes('fail', /the log of shared\/main has a gap in its vault/);
    const since = told.slice(from).filter(({ point }) => point?.id === older);
    expect(since.length).toBeGreaterThan(0);
    expect(since.filter(({ gap, lostMs }) => gap === undefined && lostMs !== undefined)).toEqual([]);
    await rename(`${part}.away`, part);
    await becomes('pass', /was drilled/);
  });

  it('turns it while the store is half way back in its place, and says to whoever looks who has to end it', async () => {
    const standing = new StandingFile(world.real.dir, 'shared', 'main');
    await standing.write({
      ...{ proposal: digestOf('proposal'), phase: 'placed', by: 'usr_run', startedAt: Date.now(), heldBefore: [] },
      approval: { by: 'usr_bob', digest: digestOf('yes') },
    });
    await becomes(
      'fail',
      /^shared\/main is half way back in its place: half done since .*what stands there wasn’t checked$/,
    );
    expect(storeOf(await plan())).toMatchObject({ standing: 'missed' });
    const apply = expect.stringContaining('recover-store apply');
    expect(await vaultsOf()).toMatchObject([
      { state: 'half-way', words: expect.stringMatching(/^HALF WAY/), mend: apply },
    ]);
    const { vaults } = await manager.call('showIncident', {} as never);
    expect(vaults).toMatchObject([{ cell: 'shared', state: 'half-way' }]);
    await standing.end();
    await becomes('pass', /was drilled/);
  });

  it('turns it when a part of its restore points is gone, and when nobody can look that is told', async () => {
    const points = join(world.vaultDir, 'points', 'production', 'shared', 'main');
    const parts = (await readdir(points)).map((id) => join(points, id, 'database-00001.age'));
    for (const part of parts) await rename(part, `${part}.away`);
    await becomes('fail', /there is no restore point of shared\/main/);
    for (const part of parts) await rename(`${part}.away`, part);
    await becomes('pass', /was drilled/);
    await rename(world.vaultDir, `${world.vaultDir}.away`);
    await expect.poll(async () => (await vaultsOf())[0]?.words, { timeout: 20_000 }).toContain('LAST TRY');
    // What it saw last still counts, and grows: nothing passes on what nobody saw for longer than may be lost.
    const lost = async () => storeOf(await plan())?.lostMs ?? 0;
    const then = await lost();
    await expect.poll(lost, { timeout: 20_000 }).toBeGreaterThan(then + 1_000);
    await rename(`${world.vaultDir}.away`, world.vaultDir);
    await becomes('pass', /was drilled/);
  });
});
