/** A real world, as the kill tests have it: server, agent and the example's cells, of which the control plane is restored. */
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import type { RecoveryShown } from '@headgate/contract';
import type { ReleaseRef } from '@headgate/domain';
import type { BroughtUpCell } from '../../examples/psa/bring-up/cell.ts';
import { adopt, release } from '../../examples/psa/demo/story.ts';
import { until } from '../../examples/psa/demo/until.ts';
import { World } from '../../examples/psa/demo/world.ts';
import { installWitness, withStore } from '../kill/audit/witness.ts';
import { killDocuments } from '../kill/documents.ts';
import { type Ran, run } from './programs.ts';

/** Stores hold this part of the example's rows. */
const SCALE = 0.03;

export class RestoredWorld {
  readonly world: World;
  readonly ref: ReleaseRef;
  readonly #dir: string;
  /** As `recover` printed it. */
  #head: string | undefined;
  readonly #backups: string;

  private constructor(world: World, ref: ReleaseRef, dir: string, backups: string) {
    this.world = world;
    this.ref = ref;
    this.#dir = dir;
    this.#backups = backups;
  }

  static async start(say: (line: string) => void): Promise<RestoredWorld> {
    const dir = await mkdtemp(join(tmpdir(), 'headgate-restore-'));
    const backups = await mkdtemp(join(tmpdir(), 'headgate-backups-'));
    const documents = killDocuments();
    const port = await freePort();
    const world = await World.start({ dataDir: dir, documents, port, scale: SCALE, report: say });
    for (const cell of world.example.cells) await installWitness(cell);
    await adopt({ world, say }, documents);
    return new RestoredWorld(world, await release({ world, say }, '1.1.0'), dir, backups);
  }

  cell(name: string): BroughtUpCell {
    const found = this.world.example.cells.find(({ cell }) => cell.cell === name);
    if (found === undefined) throw new Error(`there is no cell ${name}`);
    return found;
  }

  async request(environment: string, key: string): Promise<string> {
    const developer = await this.world.client('developer');
    const body = { release: this.ref.digest, environment };
    const { id } = await developer.call('requestPromotion', { body }, { idempotencyKey: key });
    const approver = await this.world.client('approver');
    const shown = await approver.call('showPromotion', { promotion: id });
    if (environment === 'production')
      await approver.call('approvePromotion', { promotion: id, body: { envelope: shown.envelope } });
    return id;
  }

  /** A rollout's cursor, and its reason for waiting. */
  async rollout(promotion: string, cell: string) {
    const { items } = await (await this.world.client('operator')).call('listRollouts', { promotion });
    return items.find((each) => each.cell === cell);
  }

  async ended(promotion: string): Promise<string> {
    const operator = await this.world.client('operator');
    const shown = await until(
      `the end of ${promotion}`,
      240_000,
      async () => {
        const now = await operator.call('showPromotion', { promotion });
        const { items } = await operator.call('listRollouts', { promotion });
        return now.phase === 'ended' && items.every(({ phase }) => phase === 'settled') ? now : undefined;
      },
      200,
    );
    return `${shown.result}: ${shown.because}`;
  }

  backUp(name: string): Promise<Ran> {
    return run('server', 'backup', '--data', this.#dir, '--to', join(this.#backups, name));
  }

  /** kill -9 of the server, and the backup in place of its database. */
  async restore(name: string): Promise<Ran> {
    await this.world.server.kill();
    return run('server', 'restore', '--data', this.#dir, '--from', join(this.#backups, name));
  }

  serve(): Promise<Ran> {
    return run('server', '--data', this.#dir, '--port', '0');
  }

  async recover(because: string): Promise<Ran> {
    const ran = await run('server', 'recover', '--data', this.#dir, '--by', 'usr_ops', '--because', because);
    this.#head = /the log now: (\S+)/.exec(ran.out)?.[1];
    return ran;
  }

  /** What a person does at the agent: looks at both heads, stops it, takes the log up that `recover` named, starts it. */
  async acceptLog(): Promise<{ before: number; accepted: number; kept: string }> {
    const config = ['--config', join(this.#dir, 'agent', 'agent.yaml')];
    const looked = await run('agent', 'accept-restored-log', ...config);
    const head = this.#head;
    if (head === undefined || !looked.out.includes('--head SIZE:ROOT'))
      throw new Error(`no head is offered: ${looked.out}${looked.err}`);
    await this.world.agent.stop();
    const accepted = await run('agent', 'accept-restored-log', ...config, '--head', head, '--because', 'restored');
    if (accepted.code !== 0) throw new Error(accepted.err);
    await this.world.startAgent();
    return JSON.parse(accepted.out);
  }

  async recovery(): Promise<RecoveryShown> {
    return (await this.world.client('operator')).call('showRecovery');
  }

  headgate(role: string, ...args: readonly string[]): Promise<Ran> {
    const token = join(this.#dir, 'secrets', `${role}.token`);
    return run('cli', ...args, '--server', this.world.address, '--token-file', token);
  }

  /** Entries of the newest head that the agent holds. */
  async agentsHead(): Promise<number> {
    return Number((await readFile(this.world.headFile, 'utf8')).split('\n')[1]);
  }

  /** Rows that differ from what the log says. */
  async differences(): Promise<readonly unknown[]> {
    const auditor = await this.world.client('auditor');
    const found: unknown[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await auditor.call('auditLog', cursor === undefined ? {} : { cursor });
      found.push(...page.differences);
      if (page.next === null) return found;
      cursor = page.next;
    }
  }

  /** The newest fence that a store has seen. */
  fences(cell: string): Promise<readonly { scope: string; epoch: number }[]> {
    return withStore(this.cell(cell), async (client) => {
      const { rows } = await client.query('select scope, epoch::int from headgate.fence order by scope');
      return rows;
    });
  }

  async close(): Promise<void> {
    await this.world.stop().catch(() => {});
    const home = await readlink(join(this.#dir, 'system')).catch(() => undefined);
    for (const folder of [home, this.#dir, this.#backups])
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
