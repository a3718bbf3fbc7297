/** `headgate-agent restore-points`: what lies in the cells' vaults, whether it is right, and bringing it back from there. */

import { parseArgs } from 'node:util';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { type ChosenPoint, choosePoint } from '@headgate/adapters/execution/vault/choose-point';
import { onSameDevice, unmetDemands } from '@headgate/adapters/execution/vault/demands';
import { fetchPoint } from '@headgate/adapters/execution/vault/fetch-point';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { checkParts, unseal } from '@headgate/adapters/execution/vault/unseal-point';
import { ownSigners, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import { storesElsewhere, vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import { checkLog } from '@headgate/adapters/execution/vault/wal/check-log';
import { type LogStanding, logStanding } from '@headgate/adapters/execution/vault/wal/log-standing';
import { gapText } from '@headgate/adapters/execution/vault/wal/whole-log';
import { visibleJson } from '@headgate/contract';
import type { Trust } from '@headgate/documents';
import { didYouMean } from '@headgate/documents/schema/nearest';
import { freshnessOf, nextDue } from '@headgate/domain';
import { type ObjectStore, ObjectStoreTrouble } from '@headgate/execution';
import type { AgentConfig } from '../config.ts';
import { writeNew } from '../out-file.ts';
import { print } from '../output.ts';
import { listedInRepository, verifiedInRepository } from '../restore-points/in-repository.ts';
import { restorationKey, trustEntries } from '../restore-points/trust-entries.ts';
import {
  checkedLine,
  checkedLogLine,
  freshnessLines,
  listLines,
  SAME_DEVICE,
  tooOld,
} from '../restore-points/words.ts';
import { inRepository } from '../schedule/freshness-in.ts';
import {
  type CellOfVault,
  hasVault,
  havingStore,
  noVault,
  onlyOne,
  pointCellsOf,
  storesOfCell,
} from '../vault-cells.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';

export const RESTORE_POINTS_USAGE = `headgate-agent restore-points: the copies of restore points in the cells' vaults

  headgate-agent restore-points list --config FILE [--cell CELL] [--store STORE] [--json]
  headgate-agent restore-points take --config FILE --store STORE [--cell CELL] [--json]
  headgate-agent restore-points verify --config FILE --store STORE [--cell CELL] [--id ID] [--identity FILE] [--json]
  headgate-agent restore-points fetch --config FILE --store STORE [--cell CELL] [--id ID] --identity FILE [--to DIR] [--json]
  headgate-agent restore-points key --config FILE [--cell CELL] [--entry]
  headgate-agent restore-points identity --out FILE

list    what lies there of each store, whose signature it has, whether every part and every piece of the log is there and of its
        size, how fresh it is, and how the store says it is protected; of one with pgBackRest what lies in its repository
take    takes one now, as the schedule and a promotion do: read back, and sealed in the vault. The agent that runs is asked for it
verify  reads a restore point back, the newest or that of the ID, and the log from there on: signature, whose it is, size and
        SHA-256 of every part and piece; with an identity they are decrypted, too, and every file is compared. pgBackRest
        reads its repository itself
fetch   does all that and lays it out beside the store's own restore points, or in DIR. Nothing appears that isn't right
key     the public key that manifests, drills and restorations are signed with; --entry: as an entry (may: [restore-point]) for the
        signers of the server's trust file, of each key of this agent's
identity  makes an identity, and prints the recipient that belongs to it, for the cell's vault. Keep FILE off this machine

FILE of --identity is age's, mode 0600 (AGE-SECRET-KEY-1…). CELL may be left out where there is one with a vault.
Exit codes: 0 right, 1 refused or wrong, 2 wrong usage, 3 the object store is away, full, or refuses, 78 configuration.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, away: 3, config: 78 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  out: text,
  config: text,
  cell: text,
  store: text,
  id: text,
  identity: text,
  to: text,
  json: flag,
  entry: flag,
  help: flag,
};

/** Runs it and answers the exit code. */
export async function restorePoints(args: readonly string[]): Promise<number> {
  let given: ReturnType<typeof readArguments>;
  try {
    given = readArguments(args);
  } catch (error) {
    return usage(error);
  }
  const { values, positionals } = given;
  if (values.help === true) {
    print(RESTORE_POINTS_USAGE);
    return EXIT.ok;
  }
  const [command, ...more] = positionals;
  const known = command === 'identity' || Object.hasOwn(COMMANDS, command ?? '');
  if (command === undefined || !known || more.length > 0) return usage(wrongWord(positionals));
  if (command === 'identity') return values.out === undefined ? usage('it needs --out') : makeIdentity(values.out);
  const { run, needs } = COMMANDS[command as keyof typeof COMMANDS];
  const missing = ['config', ...needs].filter((name) => values[name as keyof typeof values] === undefined);
  if (missing.length > 0) return usage(`it needs ${missing.map((each) => `--${each}`).join(', ')}`);
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  try {
    // One may be taken where nobody keeps copies of it, too.
    const cells = command === 'take' ? cellsOf(read.config, values) : pointCellsOf(read.config, values.cell);
    return await run(cells, read.trust, values, read.config);
  } catch (error) {
    return complain([(error as Error).message], error instanceof ObjectStoreTrouble ? EXIT.away : EXIT.refused);
  }
}

function readArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
}

type Values = ReturnType<typeof readArguments>['values'];

const COMMANDS = {
  list: { run: list, needs: [] },
  verify: { run: verify, needs: ['store'] },
  take: { run: take, needs: ['store'] },
  fetch: { run: fetch, needs: ['store', 'identity'] },
  key: { run: key, needs: [] },
} as const;

async function opened(cell: CellOfVault, trust: Trust): Promise<{ store: ObjectStore; trust: Pick<Trust, 'signers'> }> {
  const store = await openObjectStore(cell.vault.store);
  return { store, trust: { signers: [...(await ownSigners(cell.vault.keyFile)), ...trust.signers] } };
}

const signal = new AbortController().signal;

async function list(cells: readonly AnyCellConfig[], pinned: Trust, values: Values): Promise<number> {
  const told: unknown[] = [];
  let bad = false;
  for (const cell of cells) {
    const asked = (name: string): boolean => (values.store ?? name) === name;
    const stores = hasVault(cell) ? [...vaultedStores(cell)].filter(([name]) => asked(name)) : [];
    const elsewhere = [...storesElsewhere(cell).keys()].filter(asked);
    if (stores.length + elsewhere.length === 0 && values.store !== undefined)
      throw new Error(notInVault(cell, values.store));
    for (const [name, { restorePointsDir }] of stores) {
      if (!hasVault(cell)) continue;
      const { store, trust } = await opened(cell, pinned);
      const of = { environment: cell.environment, cell: cell.cell, store: name };
      const found = await listVault(store, of, trust, signal);
      const now = Date.now();
      const log = await logStanding(store, of, trust, found.points, signal);
      const freshness = freshnessOf(found.points, now, log.reachedAt);
      const { rpoMs } = cell.vault;
      const dueAt = rpoMs === undefined ? undefined : nextDue(freshness, rpoMs);
      const protections = await store.protections(signal);
      const unmet = await unmetDemands(cell.vault, store, restorePointsDir, signal);
      const late = tooOld(freshness, rpoMs);
      const wal = walTrouble(cell, name, log);
      const sameDevice = await onSameDevice(cell.vault.store, restorePointsDir);
      bad ||= freshness.unreadable > 0 || freshness.newest === undefined || unmet.length > 0;
      bad ||= freshness.datedAhead !== undefined;
      bad ||= late !== undefined || wal !== undefined;
      told.push({
        ...of,
        vault: store.name,
        ...found,
        freshness,
        dueAt,
        protections,
        unmet,
        wal,
        gap: log.gap,
        sameDevice,
      });
      if (values.json !== true)
        say([
          ...listLines(of, store.name, found),
          ...freshnessLines(freshness, protections, unmet, late, wal),
          ...(sameDevice ? [SAME_DEVICE] : []),
        ]);
    }
    for (const name of elsewhere) {
      const { lines, told: found, ok } = await listedInRepository(cell as CellConfig, name, signal);
      bad ||= !ok;
      told.push(found);
      if (values.json !== true) say(lines);
    }
  }
  if (values.json === true) say([visibleJson(told)]);
  return bad ? EXIT.refused : EXIT.ok;
}

/** Why nothing of a store lies in its cell's vault, and where to look. */
function notInVault(cell: AnyCellConfig, name: string): string {
  const elsewhere = storesElsewhere(cell).get(name);
  if (elsewhere === undefined && vaultedStores(cell).has(name))
    return `the restore points of ${name} lie beside it alone: ${noVault(`the cell ${cell.cell}`)}`;
  if (elsewhere === undefined) return `there is no store ${name} in ${cell.cell}`;
  return `the restore points of ${name} lie in ${elsewhere.words}, none in the vault: headgate-agent recover --config FILE --store ${name} --to DIR brings one back from there`;
}

/** What is wrong with the store's log in the vault, where it is to be there. */
function walTrouble(cell: CellOfVault, store: string, { reach, base, gap }: LogStanding): string | undefined {
  if (!reach.ok) return reach.why;
  if (gap !== undefined) return `${gapText(gap)}; take a restore point`;
  if (cell.vault.wal === undefined || cell.kind !== 'process' || !Object.hasOwn(cell.stores, store)) return undefined;
  if (reach.value === undefined) return 'no WAL lies there yet';
  return base === undefined ? 'the WAL that lies there goes on from none of the restore points: take one' : undefined;
}

/** The cell, in whose vault the store's restore points lie. Throws, in words, where they don't. */
function vaulted(cell: AnyCellConfig, name: string): CellOfVault {
  if (hasVault(cell) && vaultedStores(cell).has(name)) return cell;
  throw new Error(notInVault(cell, name));
}

/** The manifest of the restore point that is asked for, once it is known to be right. */
async function found(cell: CellOfVault, pinned: Trust, values: Values): Promise<ChosenPoint> {
  const name = values.store!;
  const { store, trust } = await opened(cell, pinned);
  const of = { environment: cell.environment, cell: cell.cell, store: name };
  return choosePoint(store, of, values.id, trust, signal);
}

async function verify(cells: readonly AnyCellConfig[], pinned: Trust, values: Values): Promise<number> {
  const cell = onlyOne(havingStore(cells, values.store!));
  if (inRepository(cell, values.store!)) {
    const { ok, told, line } = await verifiedInRepository(cell, values.store!, values.id, signal);
    if (!ok) return complain([line], EXIT.refused);
    say([values.json === true ? visibleJson(told) : line]);
    return EXIT.ok;
  }
  const own = vaulted(cell, values.store!);
  const read = await found(own, pinned, values);
  if (!read.ok) return complain([read.why], EXIT.refused);
  const { unsealing, signer } = read;
  const identities = values.identity === undefined ? undefined : await readIdentities(values.identity);
  const checked =
    identities === undefined ? await checkParts(unsealing) : await unseal(unsealing, identities, undefined);
  if (!checked.ok) return complain([checked.why], EXIT.refused);
  const decrypted = identities !== undefined;
  const { sealed } = unsealing;
  const { environment, cell: of, store } = unsealing.point;
  const { trust } = await opened(own, pinned);
  const log = await checkLog(
    { store: unsealing.store, of: { environment, cell: of, store }, trust, signal },
    sealed,
    identities,
  );
  if (!log.ok) return complain([`${sealed.id} is right, and its log isn’t: ${log.why}`], EXIT.refused);
  say([
    values.json === true
      ? visibleJson({ ok: true, decrypted, signer, sealed, log: log.value })
      : `${checkedLine(sealed, signer, decrypted)}${checkedLogLine(log.value, decrypted)}`,
  ]);
  return EXIT.ok;
}

async function take(cells: readonly AnyCellConfig[], _: Trust, values: Values, config: AgentConfig): Promise<number> {
  const { takeRestorePoint } = await import('./take-restore-point.ts');
  return takeRestorePoint(config, onlyOne(cells), values.store!, values);
}

async function fetch(cells: readonly AnyCellConfig[], pinned: Trust, values: Values): Promise<number> {
  const cell = vaulted(onlyOne(havingStore(cells, values.store!)), values.store!);
  const read = await found(cell, pinned, values);
  if (!read.ok) return complain([read.why], EXIT.refused);
  const { unsealing, signer } = read;
  const to = values.to ?? vaultedStores(cell).get(values.store!)!.restorePointsDir;
  const fetched = await fetchPoint(unsealing, await readIdentities(values.identity!), to);
  if (!fetched.ok) return complain([fetched.why], EXIT.refused);
  const { sealed } = unsealing;
  const { dir } = fetched.value;
  say([
    values.json === true
      ? visibleJson({ ok: true, dir, signer, sealed })
      : `${checkedLine(sealed, signer, true)}\nIt is in ${dir}.`,
  ]);
  return EXIT.ok;
}

async function key(cells: readonly AnyCellConfig[], _: Trust, values: Values, config: AgentConfig): Promise<number> {
  if (values.entry === true) print(await trustEntries(config, cells));
  else {
    const cell = onlyOne(cells);
    print((await (hasVault(cell) ? vaultKey(cell.vault.keyFile) : restorationKey(config))).publicKeyPem);
  }
  return EXIT.ok;
}

/** A new identity of age's, in a file that isn't there yet. */
async function makeIdentity(file: string): Promise<number> {
  try {
    const made = await newIdentity();
    await writeNew(file, `# recipient: ${made.recipient}\n${made.identity}\n`, 0o600);
    say([made.recipient]);
    return EXIT.ok;
  } catch (error) {
    return complain([(error as Error).message], EXIT.refused);
  }
}

function say(lines: readonly string[]): void {
  print(`${lines.join('\n')}\n`);
}

/** Those that have the store, or the one that is named. */
function cellsOf({ cells }: AgentConfig, { cell, store }: Values): readonly AnyCellConfig[] {
  const found = cells.filter((each) => (cell ?? each.cell) === each.cell && storesOfCell(each).includes(store!));
  if (found.length > 0) return found;
  const which = cell === undefined ? '' : ` ${cell}`;
  throw new Error(`no cell${which} has a store ${store}; there are ${cells.map(storesText).join('; ')}`);
}

function storesText(cell: AnyCellConfig): string {
  return `${storesOfCell(cell).join(', ')} in ${cell.cell}`;
}

/** What of the words isn't one of this command's. */
function wrongWord([command, ...more]: readonly string[]): string {
  const all = [...Object.keys(COMMANDS), 'identity'];
  if (command !== undefined && all.includes(command))
    return `${command} takes no further word, and was given ${more[0]}`;
  const given = command === undefined ? '' : `, and was given ${command}${didYouMean(command, all)}`;
  return `it is one of ${all.join(', ')}${given}`;
}

function usage(why: unknown): number {
  return wrongUsage('restore-points', why, EXIT.usage);
}
