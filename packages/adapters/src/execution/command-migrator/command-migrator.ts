import { join } from 'node:path';
import type { MigrationRef, StoreState } from '@headgate/domain';
import { type Answer, denied, granted, type MigrationBack, type Migrator, type StepContext } from '@headgate/execution';
import type pg from 'pg';
import { writeDurably } from '../../machine/durable-file.ts';
import { makeRootFolder } from '../../machine/reachable.ts';
import type { RunAs } from '../../machine/run-as.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { seenMarkAlone } from '../masking/seen-mark.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { fenced } from '../store/fenced.ts';
import { closeMigrationLogin, tooMuchRight } from '../store/migration-login.ts';
import { controlConnection, holdMigrations, prepareForMigrations, type Store } from '../store/store-session.ts';
import type { CommandMigrations } from './command-config.ts';
import { readCommandMigration } from './command-document.ts';
import { readSecrets } from './command-environment.ts';
import { beginAttempt, forgetAttempt, readRecords, recordBaseline, recordChange } from './command-records.ts';
import { type Change, halfWay, judge, type Records, standing } from './judge.ts';
import { layOutComponent } from './release-files.ts';
import { runCommand, SPARE_MS } from './run-command.ts';
import { askVersion, type Said } from './version-query.ts';

/** A store, and how its application's own program migrates it. */
export interface CommandStore extends Store {
  readonly migrations: CommandMigrations;
}

export interface CommandPlace {
  /** Our own folder: a folder for each store, with the release's files, what the command may write, and its output. */
  readonly dir: string;
  /** Whom commands run as; `undefined`: ourselves. */
  readonly user: RunAs | undefined;
  /** What `${node}` stands for where a configuration names it as the program. */
  readonly node: string;
}

type Outcome = Answer<{ readonly version: number }>;

/** Migrates stores by their application's own program. */
export class CommandMigrator implements Migrator {
  readonly stores: readonly string[];
  private readonly byName: ReadonlyMap<string, CommandStore>;
  private readonly place: CommandPlace;

  constructor(stores: ReadonlyMap<string, CommandStore>, place: CommandPlace) {
    this.byName = stores;
    this.stores = [...stores.keys()];
    this.place = place;
  }

  /** Ends the programs that a killed agent left running. Nobody else may be at work on these stores. */
  async endLeftovers(): Promise<void> {
    for (const store of this.byName.values()) await endLeftovers(this.scratch(store));
  }

  byProgram(): boolean {
    return true;
  }

  async version(name: string): Promise<number> {
    const { seen, halfWay } = await this.standing(name);
    const { schemaVersion, drift } = seen;
    // Where it began is where it counts as standing; what is done about it, the step decides.
    if (drift && !halfWay) throw new Error(`The store ${name} has drifted: ${drift.join('; ')}`);
    return schemaVersion;
  }

  /** While a command is under way, what is in the database is nobody's version: that is told as a drift. */
  async look(name: string): Promise<StoreState> {
    const { seen } = await this.standing(name);
    const copy = await withClient(await controlConnection(this.find(name)), seenMarkAlone);
    return copy === undefined ? seen : { ...seen, copy };
  }

  private async standing(name: string): Promise<{ readonly seen: StoreState; readonly halfWay: boolean }> {
    const store = this.find(name);
    return withClient(await controlConnection(store), async (control) => {
      for (;;) {
        const before = await readRecords(control);
        // A command may be at work, and hold the very table that the query would read.
        if (before.attempt) return { seen: halfWay(before), halfWay: true };
        const { records, said } = await readStore(control, store);
        const seen = standing(records, said);
        // What was read before a migration and after it isn't a drift.
        if (!seen.drift || sameRecords(records, await readRecords(control)))
          return { seen, halfWay: records.attempt !== undefined };
      }
    });
  }

  async up(store: string, migration: MigrationRef, text: string, ctx: StepContext): Promise<Outcome> {
    return this.change(store, 'up', migration, undefined, text, ctx);
  }

  async down(store: string, migration: MigrationBack, text: string, ctx: StepContext): Promise<Outcome> {
    return this.change(store, 'down', migration, migration.up, text, ctx);
  }

  private async change(
    name: string,
    direction: Change['direction'],
    migration: MigrationRef,
    up: Change['up'],
    text: string,
    ctx: StepContext,
  ): Promise<Outcome> {
    const store = this.find(name);
    const document = readCommandMigration(text, migration.file.name);
    if (!document.ok) return document;
    const { from: start, to: goal, arguments: words } = document.value;
    const { repeatable } = store.migrations;
    if (ctx.signal.aborted || ctx.remainingMs() <= 0) return denied('expired', 'no time is left for the migration');
    return withClient(await controlConnection(store), async (control) => {
      if (!(await holdMigrations(control)))
        return denied('transient', `another migration of the store ${name} is running`);
      const login = await prepareForMigrations(control, store);
      const right = await tooMuchRight(control, login);
      if (right) {
        const why = `a migration of the store ${name} could do more than its owner's work: ${right}; take that right away`;
        return denied('rejected', why);
      }
      if (!(await fenced(control, ctx))) return overtaken(name);
      // Whoever was at it before has no way into the database any more, and doesn't run.
      await closeMigrationLogin(control, login);
      await endLeftovers(this.scratch(store));
      try {
        return await this.decided(
          control,
          store,
          { direction, migration, start, goal, up, repeatable },
          login,
          words,
          ctx,
        );
      } finally {
        await closeMigrationLogin(control, login);
      }
    });
  }

  private async decided(
    control: pg.Client,
    store: CommandStore,
    change: Change,
    login: string,
    words: readonly string[],
    ctx: StepContext,
  ): Promise<Outcome> {
    const { records, said } = await readStore(control, store);
    const verdict = judge(store.name, change, records, said);
    if (verdict.kind === 'refuse') return denied(verdict.code, verdict.why);
    if (verdict.kind === 'there') {
      const { effect, version } = verdict;
      if (effect === 'forget' && !(await forgetAttempt(control, ctx))) return overtaken(store.name);
      if (effect === 'record' && !(await recordChange(control, change, ctx))) return overtaken(store.name);
      return granted({ version });
    }
    const secrets = await readSecrets(store.migrations);
    if (!secrets.ok) return secrets;
    await makeRootFolder(this.folder(store));
    const { component } = store.migrations;
    const files = join(this.folder(store), 'release');
    if (component !== undefined) {
      const laidOut = await layOutComponent(component, files, ctx);
      if (!laidOut.ok) return laidOut;
    }
    if (ctx.remainingMs() <= SPARE_MS) return denied('expired', 'too little time is left for the migration');
    if (!(await beginAttempt(control, change, ctx))) return overtaken(store.name);
    ctx.log(`store ${store.name}: the application's own program migrates it (${change.migration.id})`);
    const began = performance.now();
    const ran = await runCommand(control, store, {
      login,
      words,
      secrets: secrets.value,
      goal: change.goal,
      scratch: this.scratch(store),
      cwd: component === undefined ? undefined : files,
      user: this.place.user,
      node: this.place.node,
      ctx,
    });
    const tookMs = performance.now() - began;
    await writeDurably(join(this.folder(store), 'output.txt'), ran.output, 0o600).catch(() => {
      ctx.log(`store ${store.name}: what the program printed couldn't be kept`);
    });
    if (ran.failure) {
      // A program that changed nothing that can be seen wasn't begun.
      if (ran.said.kind === 'version' && ran.said.answer === change.start) await forgetAttempt(control, ctx);
      return denied(ran.failure.code, ran.failure.why);
    }
    if (!(await recordChange(control, change, ctx))) return overtaken(store.name);
    // Called anew, the program did less than the whole.
    if (records.attempt === undefined) ctx.took?.(change.migration.id, tookMs);
    return granted({ version: change.direction === 'up' ? change.migration.to : change.migration.from });
  }

  private folder(store: Store): string {
    return join(this.place.dir, store.name);
  }

  private scratch(store: Store): string {
    return join(this.folder(store), 'scratch');
  }

  private find(name: string): CommandStore {
    const store = this.byName.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

/** What was recorded and what the application says, after taking it at its word about what was there before us. */
async function readStore(control: pg.Client, store: CommandStore): Promise<{ records: Records; said: Said }> {
  const { baseline, versionQuery } = store.migrations;
  const records = await readRecords(control);
  const said = await askVersion(store, versionQuery);
  const top = records.recorded.at(-1);
  const open =
    baseline && (top?.version ?? 0) <= baseline.version && (top?.version !== baseline.version || top.answer === null);
  if (!open || records.attempt || said.kind !== 'version' || said.answer !== baseline.answer) return { records, said };
  await recordBaseline(control, baseline.version, baseline.answer);
  return { records: await readRecords(control), said };
}

function sameRecords(a: Records, b: Records): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function overtaken(store: string): Outcome {
  return denied('fenced', `the store ${store} has seen a later decision than this one`);
}
