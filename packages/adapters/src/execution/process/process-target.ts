import { mkdir, rm } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { checkManifest } from '@headgate/documents/trust/manifest';
import type { Component, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import {
  type Answer,
  type ComponentObservation,
  denied,
  granted,
  type SlotObservation,
  type StepContext,
  serves,
  type Target,
} from '@headgate/execution';
import type { RunAs } from '../../machine/run-as.ts';
import { STEP_NICENESS } from '../../machine/session-niceness.ts';
import { ComponentProcess } from './component-process.ts';
import type { FenceFile } from './fence-file.ts';
import { answersHealthy } from './health.ts';
import { componentDir, materialise, tamperedFiles } from './slot-files.ts';
import { beginSlot, clearSlot, readSlot, type SlotRecord, slotDir, startedIn, writePhase } from './slot-record.ts';

export interface ProcessTargetConfig {
  readonly cellDir: string;
  /** Ports by slot and component; a component without one serves none. */
  readonly slots: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The Node that `${node}` stands for; the user must reach it. */
  readonly node: string;
  /** Whom components run as; `undefined`: as ourselves. */
  readonly user: RunAs | undefined;
  /** How long a component may take to end its work when it is stopped. Milliseconds. */
  readonly drainMs: number;
  /** Components that are started, where it isn't all of a release's. */
  readonly only?: readonly string[];
  /** What starts a component, where its own command doesn't say it all: `undefined` takes that. */
  command?(slot: string, component: Component, dir: string): readonly string[] | undefined;
  /** Environment of a component, without what the release's own configuration says. Holds secrets: never log it. */
  environment(slot: string): Promise<Readonly<Record<string, string>>>;
}

/** Supervised child processes in the slots of one cell. */
export class ProcessTarget implements Target {
  readonly config: ProcessTargetConfig;
  readonly slots: readonly string[];
  private readonly fence: FenceFile;
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(config: ProcessTargetConfig, fence: FenceFile) {
    this.config = config;
    this.slots = Object.keys(config.slots);
    this.fence = fence;
  }

  async observe(slot: string): Promise<SlotObservation> {
    const dir = this.dir(slot);
    const record = await readSlot(dir);
    if (!record) return { slot, phase: 'empty', intact: true, tampered: [], components: [] };
    const files = await Promise.all(record.components.map((component) => tamperedFiles(dir, component)));
    const tampered = record.genuine ? files.flat() : ['manifest.json'];
    return {
      slot,
      phase: record.phase,
      release: record.release,
      ...(record.schemaRange ? { schemaRange: record.schemaRange } : {}),
      intact: tampered.length === 0,
      tampered,
      components: await Promise.all(record.components.map((component) => this.look(slot, component))),
    };
  }

  async ailment(slot: string): Promise<string | undefined> {
    const record = await readSlot(this.dir(slot));
    if (record && !record.genuine) return `slot ${slot}: manifest.json isn't the one of ${record.release.version}`;
    if (record?.phase !== 'running') return `slot ${slot} is ${record?.phase ?? 'empty'}`;
    const seen = await Promise.all(record.components.map((component) => this.look(slot, component)));
    const sick = seen.find((component) => !component.healthy);
    return sick && `slot ${slot}: ${sick.name} ${sick.alive ? "doesn't answer healthy" : "doesn't run"}`;
  }

  async deploy(
    slot: string,
    release: ReleaseRef,
    manifest: ReleaseManifest,
    ctx: StepContext,
  ): Promise<Answer<SlotObservation>> {
    return this.inTurn(slot, async () => {
      if (!(await this.fence.raise(ctx.fence)))
        return denied('fenced', `slot ${slot} has seen a later decision than this one`);
      const before = await this.observe(slot);
      if (serves(before, release)) return granted(before);
      const checked = checkManifest(manifest);
      if (!checked.ok || checked.digest !== release.digest)
        return denied('rejected', `the manifest isn't the one of release ${release.version}`);
      const dir = this.dir(slot);
      await mkdir(dir, { recursive: true, mode: 0o755 });
      await this.empty(slot, Math.min(this.config.drainMs, ctx.remainingMs()));
      await beginSlot(dir, release, manifest);
      const refusal = await this.bringUp(slot, dir, ctx);
      if (refusal) {
        await this.empty(slot, 0);
        return refusal;
      }
      await writePhase(dir, release, 'running');
      return granted(await this.observe(slot));
    });
  }

  /** Writes the files, starts the components and waits for their health. Returns what stood against it. */
  private async bringUp(slot: string, dir: string, ctx: StepContext): Promise<ReturnType<typeof denied> | undefined> {
    const record = (await readSlot(dir))!;
    const escaping = await materialise(dir, record.components, (digest) => ctx.blob(digest));
    if (escaping.length > 0)
      return denied('rejected', `file names that leave their folder: ${escaping.join(', ').slice(0, 300)}`);
    const components = this.started(record);
    for (const component of components) {
      const refusal = await this.startChecked(slot, record, component);
      if (refusal) return denied('rejected', refusal);
      ctx.log(`slot ${slot}: ${component.name} of ${record.release.version} started`);
    }
    const starting = components.map((component) => new ComponentProcess(dir, component));
    // Nobody is served here yet, and somebody next door is.
    const usual = getPriority();
    for (const each of starting) await each.yielding(Math.min(19, usual + STEP_NICENESS));
    const sick = await this.waitHealthy(slot, record, ctx);
    // Killed before this, the slot never counts as running, and is begun anew.
    for (const each of starting) await each.yielding(usual);
    return sick === undefined ? undefined : denied('check-failed', sick);
  }

  async retire(slot: string, ctx: StepContext): Promise<Answer<SlotObservation>> {
    return this.inTurn(slot, async () => {
      if (!(await this.fence.raise(ctx.fence)))
        return denied('fenced', `slot ${slot} has seen a later decision than this one`);
      await this.empty(slot, Math.min(this.config.drainMs, ctx.remainingMs()));
      return granted(await this.observe(slot));
    });
  }

  /** Restarts what died in a running slot. Returns the names of components that were restarted, and what was refused. */
  async restartDead(
    slot: string,
    may: (component: string) => boolean,
  ): Promise<{ restarted: string[]; refused: string[] }> {
    return this.inTurn(slot, async () => {
      const record = await readSlot(this.dir(slot));
      const restarted: string[] = [];
      const refused: string[] = [];
      if (record?.phase !== 'running') return { restarted, refused };
      if (!record.genuine && may('manifest'))
        refused.push(
          `slot ${slot}: manifest.json isn't the one of ${record.release.version}; nothing is started there`,
        );
      for (const component of record.components) {
        const process = new ComponentProcess(this.dir(slot), component);
        await process.boundLog();
        if ((await process.running()) || !may(component.name)) continue;
        const refusal = await this.startChecked(slot, record, component);
        if (refusal) refused.push(refusal);
        else restarted.push(component.name);
      }
      return { restarted, refused };
    });
  }

  /** The bytes that are about to run are the bytes that the manifest names, or nothing starts. */
  private async startChecked(slot: string, record: SlotRecord, component: Component): Promise<string | undefined> {
    const dir = this.dir(slot);
    if (component.command.length === 0)
      return `slot ${slot}: ${component.name} has no command; it can't be started here`;
    const tampered = await tamperedFiles(dir, component);
    if (tampered.length > 0) {
      return `slot ${slot}: ${tampered.join(', ').slice(0, 300)} of ${record.release.version} isn't what the release names; not started`;
    }
    const port = this.config.slots[slot]?.[component.name];
    const environment = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...record.configuration[component.name],
      ...(await this.config.environment(slot)),
      HOST: '127.0.0.1',
      ...(port ? { PORT: String(port) } : {}),
    };
    const command = this.config.command?.(slot, component, componentDir(dir, component.name)) ?? component.command;
    await new ComponentProcess(dir, { ...component, command }).start(this.config.node, environment, this.config.user);
    return undefined;
  }

  /** Waits until all components are healthy; says what isn't when one dies or time runs out. */
  private async waitHealthy(slot: string, record: SlotRecord, ctx: StepContext): Promise<string | undefined> {
    // A component without a health path must have lived for a moment.
    const settled = performance.now() + 300;
    for (;;) {
      const seen = await Promise.all(this.started(record).map((component) => this.look(slot, component)));
      const dead = seen.find((component) => !component.alive);
      if (dead)
        return `slot ${slot}: ${dead.name} ended while it started; see ${join(this.dir(slot), `${dead.name}.log`)}`;
      if (seen.every((component) => component.healthy) && performance.now() >= settled) return undefined;
      if (ctx.signal.aborted || ctx.remainingMs() <= 0) {
        const names = seen.filter((component) => !component.healthy).map((component) => component.name);
        return `slot ${slot}: ${names.join(', ')} isn't healthy in time`;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  private started({ components }: SlotRecord): readonly Component[] {
    const { only } = this.config;
    return only === undefined ? components : components.filter(({ name }) => only.includes(name));
  }

  private async look(slot: string, component: Component): Promise<ComponentObservation> {
    const process = new ComponentProcess(this.dir(slot), component);
    const port = this.config.slots[slot]?.[component.name];
    const { name, role, healthPath } = component;
    if (!(await process.running())) return { name, role, alive: false, healthy: false };
    if (healthPath === undefined) return { name, role, alive: true, healthy: true };
    const answers = port !== undefined && (await answersHealthy(port, healthPath));
    // Looked at again, so that another process on that port doesn't pass for this one.
    const alive = (await process.running()) !== undefined;
    return { name, role, alive, healthy: alive && answers };
  }

  /** Stops everything in the slot and leaves its folder without a release. Logs stay. */
  private async empty(slot: string, drainMs: number): Promise<void> {
    const dir = this.dir(slot);
    const record = await readSlot(dir);
    if (!record) return;
    if (record.phase !== 'retiring') await writePhase(dir, record.release, 'retiring');
    // By the folders that processes work in, so that a spoiled manifest hides none of them.
    const names = new Set([...record.components.map((component) => component.name), ...(await startedIn(dir))]);
    await Promise.all([...names].map((name) => new ComponentProcess(dir, { name }).stop(Math.max(0, drainMs))));
    await rm(join(dir, 'files'), { recursive: true, force: true });
    await rm(join(dir, 'run'), { recursive: true, force: true });
    await clearSlot(dir);
  }

  private dir(slot: string): string {
    if (!Object.hasOwn(this.config.slots, slot))
      throw new Error(`There is no slot ${slot}; there are ${Object.keys(this.config.slots).join(', ')}`);
    return slotDir(this.config.cellDir, slot);
  }

  /** One change of a slot at a time: the supervisor must not restart what a step is stopping. */
  private inTurn<T>(slot: string, work: () => Promise<T>): Promise<T> {
    const next = (this.turns.get(slot) ?? Promise.resolve()).then(work);
    this.turns.set(
      slot,
      next.catch(() => {}),
    );
    return next;
  }
}
