/** `headgate-agent leave`: takes what Headgate made out of databases that somebody else keeps. */
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import {
  claimIdIn,
  claimText,
  isAtWork,
  isOwnClaim,
  whoseStore,
} from '@headgate/adapters/execution/external-store/claim';
import {
  databaseToLeave,
  dropAside,
  isLeft,
  type Leavings,
  type LeftDatabase,
  leaveDatabase,
  leavingsOf,
} from '@headgate/adapters/execution/external-store/leave';
import { forgetLeft, writeLeft } from '@headgate/adapters/execution/left-cell';
import { type CellHold, holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { FenceFile } from '@headgate/adapters/execution/process/fence-file';
import { lookAtRunning } from '@headgate/adapters/execution/running-cell';
import { knock } from '../away/knock.ts';
import { notOurs } from '../away/not-ours.ts';
import type { AgentConfig } from '../config.ts';
import { whyNotLeave } from '../leave/may-leave.ts';
import { leavingsText } from '../leave/words.ts';
import { print, printJson, warn } from '../output.ts';
import { type Served, typedTenants } from '../stop/may-end.ts';
import { underWayIn } from '../stop/under-way.ts';
import { cellsNamed, complain, configIn, wrongUsage } from './command-line.ts';

export const LEAVE_USAGE = `headgate-agent leave: takes what Headgate made out of databases that somebody else keeps, so that they are as they were

  headgate-agent leave --config FILE [--cell CELL …] [--drop DATABASE …] [--installation ID] [--yes] [--json]

Removes, of each store in a database that is named by its URL: the schema headgate, and the role that only migrations used.
Says beforehand what that is, and asks. The service's own tables and rows stay, at the schema where they are; so do a PostgreSQL
that the agent keeps itself, restore points and files (headgate data remove FOLDER). Needs neither the server nor the service.
Run again it removes what is left, and says so when nothing is. The cells aren't started any more by what stands in their
folders: whoever takes the database up again begins with a data folder of its own.

--cell          this cell alone; may be given more than once. Without it every cell of the agent
--drop          a database that a restore put aside (NAME__before), by its name: it is dropped, with the data in it. Without it
                such a database stays, without what is Headgate's
--installation  the database is another installation's, which is over: its number, as the refusal says it
--yes           don't ask

Refused, and nothing is removed: while the agent or anything of the cells runs (headgate-agent stop --config FILE), while a step, a wave or a
migration is under way, where a schema headgate isn't Headgate's, where its role owns what Headgate didn't make.
Exit codes: 0 nothing of Headgate's is there any more, 1 refused or failed, 2 not confirmed, 64 wrong usage, 78 wrong configuration.
`;

const EXIT = { ok: 0, refused: 1, notConfirmed: 2, usage: 64, config: 78 } as const;

interface Wish {
  readonly file: string;
  /** The cells that were named; none: all of the configuration. */
  readonly only: readonly string[];
  readonly drop: readonly string[];
  readonly installation: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
}

/** Runs it and answers the exit code. */
export async function leave(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const many = { type: 'string', multiple: true } as const;
  const options = {
    config: text,
    cell: many,
    drop: many,
    installation: text,
    yes: flag,
    json: flag,
    help: flag,
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    return wrongUsage('leave', error, EXIT.usage);
  }
  if (values.help === true) {
    print(LEAVE_USAGE);
    return EXIT.ok;
  }
  if (values.config === undefined) return wrongUsage('leave', 'it needs --config FILE', EXIT.usage);
  const read = configIn(values.config);
  if (!read.ok) return read.code;
  const { config } = read;
  const named = cellsNamed(config, values.cell, EXIT.usage);
  if (!named.ok) return named.code;
  const { cells } = named;
  // Named, they are named to what ends them, too: it asks about whoever is served in the cells that it ends.
  const only = values.cell === undefined ? [] : cells.map(({ cell }) => cell);
  const { installation, drop = [], yes = false, json = false } = values;
  try {
    return await leaveCells(config, cells, { file: values.config, only, drop, installation, yes, json });
  } catch (error) {
    return complain((error as Error).message.split('\n'), EXIT.refused);
  }
}

async function leaveCells(config: AgentConfig, cells: readonly AnyCellConfig[], wish: Wish): Promise<number> {
  const { dataDir } = config;
  const strange = await notOurs(dataDir);
  if (strange !== undefined) return complain([`${strange.where}: ${strange.why}; to unblock: ${strange.unblock}`], 1);
  if ((await knock(dataDir)) !== undefined) {
    const seen = await Promise.all(
      cells.map(async (each) => (await lookAtRunning(each)).served.map((tenant) => ({ cell: each.cell, tenant }))),
    );
    const stop = stopText(wish.file, seen.flat(), wish.only);
    return complain(
      [`the agent ${config.name} runs, and would make all of it again: end it first: ${stop} --and-agent`],
      EXIT.refused,
    );
  }
  const holds: CellHold[] = [await holdCell(dataDir)];
  try {
    for (const { dir } of cells) holds.push(await holdCell(dir));
    const why = await whyNot(dataDir, cells, wish.file);
    if (why.length > 0) return complain(why, EXIT.refused);
    return await leaveStores(cells, wish);
  } finally {
    for (const hold of holds) await hold.release();
  }
}

/** What stands against it in the cells themselves, the caller holding them. */
async function whyNot(dataDir: string, cells: readonly AnyCellConfig[], file: string): Promise<readonly string[]> {
  const why: string[] = [];
  const underWay = await underWayIn(
    dataDir,
    cells.map(({ cell }) => cell),
  );
  for (const config of cells) {
    const { parts, served, halfWay } = await lookAtRunning(config);
    const half = [...[underWay.get(config.cell) ?? []].flat(), ...halfWay];
    if (half.length > 0)
      why.push(
        `cell ${config.cell}: a step is under way: ${half.join('; ')}. Let it come to its end with the agent running, or go back: headgate rollback PROMOTION --reason "…" (with the server away: headgate-agent rollback --config FILE --because "…")`,
      );
    // Of a PostgreSQL that is kept for other stores nothing is taken.
    const runs = parts.filter(({ what }) => !what.startsWith('PostgreSQL'));
    const mine = served.map((tenant) => ({ cell: config.cell, tenant }));
    if (runs.length > 0)
      why.push(
        `cell ${config.cell}: ${runs.map(({ what }) => what).join(', ')} ${runs.length === 1 ? 'runs' : 'run'}. End that first: ${stopText(file, mine, [config.cell])}`,
      );
  }
  return why;
}

/** Ends what runs, with who is cut off by it. */
export function stopText(file: string, served: readonly Served[], cells: readonly string[]): string {
  const tenants = served.length > 0 ? ` --tenants ${typedTenants(served).join(',')}` : '';
  return `headgate-agent stop --config ${file}${cells.map((cell) => ` --cell ${cell}`).join('')}${tenants}`;
}

/** One database that somebody else keeps, and what of ours is in it. */
interface Found {
  readonly dir: string;
  readonly store: string;
  readonly at: LeftDatabase;
  /** The cell's folder goes by what stands in it. */
  readonly own: boolean;
  readonly leavings: readonly Leavings[];
}

async function leaveStores(cells: readonly AnyCellConfig[], wish: Wish): Promise<number> {
  const { found, refused } = await lookAtStores(cells, wish);
  const asides = found.flatMap(({ leavings }) => leavings.filter(({ aside }) => aside).map(({ database }) => database));
  for (const name of wish.drop.filter((each) => !asides.includes(each)))
    refused.push(
      `--drop: ${name} is no database that Headgate put aside${asides.length > 0 ? `; there is ${asides.join(', ')}` : '; there is none'}`,
    );
  if (refused.length > 0) return complain(refused, EXIT.refused);
  const say = (line: string): void => void (wish.json || print(`${line}\n`));
  const open = found.filter(({ leavings }) =>
    leavings.some((each) => wish.drop.includes(each.database) || !isLeft(each)),
  );
  if (open.length === 0) {
    const none =
      found.length === 0
        ? 'no store of these cells is in a database that somebody else keeps'
        : 'nothing of Headgate’s is in';
    const where = found.length === 0 ? '' : ` ${found.map(({ at }) => `database ${at.database}`).join(', ')}`;
    say(`${none}${where}`);
    if (wish.json) printJson({ left: [], dropped: [] });
    return EXIT.ok;
  }
  for (const { store, leavings } of open) for (const line of leavingsText(store, leavings, wish.drop)) say(line);
  if (!wish.yes && !(await confirmed())) {
    say('nothing was removed');
    return EXIT.notConfirmed;
  }
  const left: string[] = [];
  const dropped: string[] = [];
  const written: string[] = [];
  try {
    for (const { dir, at, own, leavings } of open) {
      // Before the first of them: half way it must not be begun again either.
      if (own && (await writeLeft(dir, new Date()))) written.push(dir);
      for (const each of leavings) {
        const { database, aside, standing } = each;
        if (aside && wish.drop.includes(database)) {
          await dropAside({ ...at, database }, standing.claim);
          dropped.push(database);
          say(`dropped database ${database}`);
        } else if (!isLeft(each)) {
          await leaveDatabase({ ...at, database }, aside, standing.claim);
          left.push(database);
          say(`left database ${database}: nothing of Headgate’s is in it any more`);
        }
      }
    }
  } catch (error) {
    for (const dir of written)
      if (
        await isUntouched(
          open.filter((each) => each.dir === dir),
          dropped,
        )
      )
        await forgetLeft(dir);
    throw error;
  }
  if (wish.json) printJson({ left, dropped });
  return EXIT.ok;
}

/** Whether all that was found in a cell's databases is there as before. Where it can't be seen it isn't. */
async function isUntouched(stores: readonly Found[], dropped: readonly string[]): Promise<boolean> {
  for (const { at, leavings } of stores) {
    const now = await leavingsOf(at).catch(() => []);
    for (const { database, standing, tables } of leavings) {
      const there = now.find((each) => each.database === database);
      const same = there?.standing.schema === standing.schema && there.tables.length === tables.length;
      if (!same || dropped.includes(database)) return false;
    }
  }
  return true;
}

async function lookAtStores(cells: readonly AnyCellConfig[], { installation, drop }: Wish) {
  const found: Found[] = [];
  const refused: string[] = [];
  for (const config of cells) {
    const stores = config.kind === 'process' ? Object.entries(config.externalStores) : [];
    const own = await claimIdIn(config.dir);
    const known = (await new FenceFile(config.dir).read()) !== undefined;
    for (const [store, external] of stores) {
      const at = await databaseToLeave(external);
      const [main, ...asides] = await leavingsOf(at);
      if (main === undefined) continue;
      const leavings = [main];
      // What a restore of another installation's put aside is that one's: nobody was asked about it.
      for (const each of asides) {
        const { claim: put } = each.standing;
        const ours =
          put === undefined || put.id === installation || (await isOwnClaim(put, { dir: config.dir, id: own }));
        if (ours) leavings.push(each);
        else if (drop.includes(each.database))
          refused.push(
            `--drop: database ${each.database} was put aside by ${claimText(put)}. If that one is over, say that you mean it: --installation ${put.id}`,
          );
      }
      const { database, standing } = main;
      const { claim } = standing;
      const whose = await whoseStore(standing, { dir: config.dir, id: own, known });
      const atWork = whose === 'other' && claim !== undefined && (await isAtWork(claim, config.dir));
      const why = whyNotLeave({ database, standing, whose, own, atWork }, installation);
      refused.push(...(why === undefined ? [] : [why]), ...leavings.flatMap((each) => each.refused));
      // A copy of the folder knows what the original did there, so it is as much over.
      const knows = whose === 'own' || (claim !== undefined && claim.id === own);
      found.push({ dir: config.dir, store, at, own: knows, leavings });
    }
  }
  return { found, refused };
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    warn('headgate-agent: --yes is needed where nobody can be asked\n');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('type "yes" to remove it: ')).trim() === 'yes';
  } finally {
    terminal.close();
  }
}
