/** `headgate-agent recover-store`: a store goes back in its own place, as a proposal that is shown, approved and applied. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { holderOf } from '@headgate/adapters/execution/process/cell-hold';
import type { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { openProposalApproval, openStoreProposal, storeProposalText, storeProposalWords } from '@headgate/documents';
import {
  comparedTooLittle,
  judgeProposalApproval,
  type ProposalApproval,
  rowsLost,
  type StoreProposal,
  unfitFor,
} from '@headgate/domain';
import { ObjectStoreTrouble } from '@headgate/execution';
import { sayRefusal } from '../assignments/refused.ts';
import type { AgentConfig } from '../config.ts';
import { MarksFile } from '../marks/marks-file.ts';
import { print, printJson, warn } from '../output.ts';
import { readBundle } from '../reconcile/read-files.ts';
import { momentOf } from '../recover/bring-beside.ts';
import { type Placed, placeStore } from '../recover-store/apply.ts';
import { cellToPlace } from '../recover-store/cell-to-place.ts';
import { openPromotionIn } from '../recover-store/open-promotion.ts';
import { proposeStore } from '../recover-store/propose.ts';
import { refusedKind } from '../recover-store/refused-kind.ts';
import { StandingFile } from '../recover-store/standing.ts';
import { expectListed } from '../recover-tenant/listed.ts';
import { pinnedVerification } from '../rehearse/pinned-verification.ts';
import { reportRestoration } from '../restoration/report-restoration.ts';
import { underWayIn } from '../stop/under-way.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const RECOVER_STORE_USAGE = `headgate-agent recover-store: puts a store back in its own place as it was at a moment, by a decision

  headgate-agent recover-store propose --config FILE --store STORE --as ID --because WHY --to DIR [--cell CELL] [MOMENT]
                                       [--identity FILE] [--id ID] [--lacking N] [--out FILE] [--json]
  headgate-agent recover-store apply FILE --config FILE --as ID --approval FILE … [--verification FILE]
                                     [--ended PROMOTION] [--json]

MOMENT is one of these; without one it is the last that the vault has:
--at TIME                2026-11-22T09:30:00Z, with a zone: all that was committed until then
--before PROMOTION       just before that promotion's first migration of the store
--transaction XID        up to that transaction of PostgreSQL's, and with it

propose  brings the store back beside itself in DIR, on the store's own disk, compares both row by row, and says what would be
         lost: rows of each table, the newest transaction kept, the first one lost, every tenant in it, and whether what runs
         can run on that schema; and what isn't a row: roles, sequences, unlogged tables, large objects, definitions, settings,
         other databases of its cluster. Writes it to a file, without any row; changes nothing
apply    puts it there, once somebody who neither proposed nor applies it has approved it:
         headgate recover-store approve FILE --key KEY --approver ID --out APPROVAL
         The agent is ended first, and what it runs goes on: headgate-agent stop --config FILE --agent-only
         Holds the store's tenants, refuses where anything was written since, takes a restore point of what stands, replaces
         it, checks it (rows, health; business transactions with --verification), and opens the tenants. What isn't right
         then is taken back. Killed anywhere, it goes on when it is called again; tenants stay held until then

           Refuses while a promotion is open that takes the cell along, also one that rests between two waves. Where the server
           can't be asked, --ended PROMOTION says that the last one which the agent worked for has ended: somebody saw it

--as ID    who proposes or applies it, by an id that the agent's trust file lists with a key (may: [approval])
CELL may be left out where one cell alone has such a store. Stores whose PostgreSQL Headgate keeps, with a vault or pgBackRest.

A tenant of Odoo goes back with the files that its rows name then, and without its neighbours, who are served meanwhile: its cell has
postgresql.pgbackrest, and DIR may be on any disk. What Odoo writes by itself (its jobs' times, its bus, who was there) isn't counted.
--lacking N   exactly N files can't be had, as a refusal said by name: it comes back without them

Exit codes: 0 done, 1 refused or taken back, 2 wrong usage, 3 the object store is away, full, or refuses, 78 configuration.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, away: 3 } as const;
const MOST_BYTES = 16 * 1024 * 1024;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const many = { type: 'string', multiple: true } as const;
const OPTIONS = {
  ...{ config: text, store: text, cell: text, at: text, before: text, transaction: text, identity: text, id: text },
  ...{
    lacking: text,
    to: text,
    out: text,
    as: text,
    because: text,
    approval: many,
    verification: text,
    ended: text,
    json: flag,
    help: flag,
  },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type Option = Exclude<keyof typeof OPTIONS, 'help'>;

/** What each takes: needed, and beside it. */
const TAKES: Readonly<Record<string, { readonly needs: readonly Option[]; readonly may: readonly Option[] }>> = {
  propose: {
    needs: ['config', 'store', 'as', 'because', 'to'],
    may: ['cell', 'at', 'before', 'transaction', 'identity', 'id', 'lacking', 'out', 'json'],
  },
  apply: { needs: ['config', 'as'], may: ['approval', 'verification', 'ended', 'json'] },
};

/** Runs it and answers the exit code. */
export async function recoverStore(args: readonly string[]): Promise<number> {
  let read: { readonly values: Values; readonly positionals: readonly string[] };
  try {
    read = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return misused(error);
  }
  const { values, positionals } = read;
  if (values.help === true) {
    print(RECOVER_STORE_USAGE);
    return EXIT.ok;
  }
  const [command = '', file, ...more] = positionals;
  const wrong = misuse(command, file, more.length, values);
  if (wrong !== undefined) return misused(wrong);
  const over = interruptible(new Error('it was interrupted'));
  try {
    return command === 'propose'
      ? await propose(values, over.signal)
      : await apply(resolve(file!), values, over.signal);
  } catch (error) {
    const code = error instanceof ObjectStoreTrouble ? EXIT.away : EXIT.refused;
    return complain((error as Error).message.split('\n'), code);
  } finally {
    over.over();
  }
}

function misuse(command: string, file: string | undefined, more: number, values: Values): string | undefined {
  const takes = Object.hasOwn(TAKES, command) ? TAKES[command] : undefined;
  if (takes === undefined) return `it is propose or apply${command === '' ? '' : `, not ${command}`}`;
  if (more > 0 || (command === 'apply') !== (file !== undefined))
    return command === 'apply' ? 'apply takes one file' : `${command} takes no further word`;
  const given = (Object.keys(values) as Option[]).filter((name) => values[name] !== undefined);
  const strange = given.find((name) => !takes.needs.includes(name) && !takes.may.includes(name));
  if (strange !== undefined) return `${command} takes no --${strange}`;
  const missing = takes.needs.filter((name) => values[name] === undefined);
  if (missing.length > 0) return `${command} needs ${missing.map((name) => `--${name}`).join(', ')}`;
  return values.because?.trim() === '' ? '--because needs a reason' : undefined;
}

async function propose(values: Values, signal: AbortSignal): Promise<number> {
  const { store = '', as: by = '', because = '', json } = values;
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  const { config, trust } = read;
  expectListed(trust, by, '--as');
  const kind = refusedKind(config, store, values.cell);
  if (kind !== undefined) return complain(kind, EXIT.refused);
  const cell = cellToPlace(config, store, values.cell);
  const { lacking } = values;
  if (lacking !== undefined && (cell.kind !== 'odoo' || !/^[1-9]\d{0,8}$/.test(lacking)))
    return misused('--lacking is a number of files that a tenant of Odoo may come back without');
  const moment = momentOf(values, cell.cell);
  if (typeof moment === 'string') return misused(moment);
  const { proposal, cluster, idle } = await proposeStore({
    ...{ cell, store, moment, trust, by, because, signal, to: resolve(values.to!) },
    ...{ id: values.id, identityFile: values.identity, say: sayer(values) },
    lacking: lacking === undefined ? undefined : Number(lacking),
  });
  const resting = await open(config, cell, values, signal);
  const { text: written, digest } = storeProposalText(proposal);
  const stamp = new Date(proposal.madeAt).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const own = join(config.dataDir, 'store-recoveries');
  const out = resolve(values.out ?? join(own, `${cell.cell}.${store}-${stamp}.proposal`));
  await mkdir(dirname(out), { recursive: true, mode: 0o700 });
  await writeFile(out, `${written}\n`, { flag: 'wx', mode: 0o600 });
  if (json === true)
    printJson({ digest, file: out, ...(resting !== undefined && { openPromotion: resting }), ...proposal });
  else
    print(
      `${[...storeProposalWords(proposal, digest), '', ...idleLines(proposal, idle), ...(resting === undefined ? [] : [`It can’t be applied yet: ${resting}`, '']), ...nextLines(out, values.config!), endLine(cluster, values.to!)].join('\n')}\n`,
    );
  return EXIT.ok;
}

/** What serves nobody may stay: nobody can be led to it, though, while the store is of then. */
function idleLines({ was }: StoreProposal, idle: StoreProposal['serving']): readonly string[] {
  const unfit = unfitFor({ serving: idle, was });
  if (unfit.length === 0) return [];
  const each = unfit.map(
    ({ slot, version, min, max }) =>
      `${version} in ${slot} serves nobody of it, and is for schema ${min} to ${max}: nobody can be led there while the store is on ${was.schemaVersion}.`,
  );
  return [...each, ''];
}

function nextLines(out: string, config: string): readonly string[] {
  return [
    `Nothing was changed. The proposal is in ${out}; it has no row of anybody’s. Somebody else approves it:`,
    `  headgate recover-store approve ${out} --key KEY --approver ID --out APPROVAL`,
    'Then, the agent being ended (what it runs goes on), it is applied, and the agent is started again:',
    `  headgate-agent stop --config ${config} --agent-only`,
    `  headgate-agent recover-store apply ${out} --config ${config} --as ID --approval APPROVAL`,
    `  headgate-agent run --config ${config}`,
  ];
}

function endLine({ programs, data }: Cluster, to: string): string {
  const as = programs.user === undefined ? '' : ` (as ${programs.user.name})`;
  return `If it is never applied: ${join(programs.bin, 'pg_ctl')} -D ${data} stop${as}; then remove ${resolve(to)}`;
}

async function apply(file: string, values: Values, signal: AbortSignal): Promise<number> {
  const { as: by = '', json } = values;
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  const { config, trust } = read;
  expectListed(trust, by, '--as');
  const opened = openStoreProposal(await textIn(file));
  if (!opened.ok) return complain(sayRefusal({ ...opened, where: file }), EXIT.refused);
  const { proposal, digest } = opened;
  expectListed(trust, proposal.by, `who proposed ${file}`);
  const cell = cellToPlace(config, proposal.store, proposal.cell);
  if (cell.environment !== proposal.environment)
    throw new Error(`the proposal is of ${proposal.environment}, and the cell ${cell.cell} is in ${cell.environment}`);
  const strange = tenantsDiffer(cell, proposal);
  if (strange !== undefined) return complain(strange, EXIT.refused);
  const approvals: ProposalApproval[] = [];
  for (const each of values.approval ?? []) {
    const yes = openProposalApproval(await readBundle(each, HOW), trust);
    if (!yes.ok) return complain(sayRefusal({ ...yes, what: 'take the approval', where: each }), EXIT.refused);
    approvals.push(yes.approval);
  }
  const standing = new StandingFile(config.dataDir, cell.cell, proposal.store);
  const begun = await standing.read();
  // What was begun was approved then: an approval that ended since leaves nobody half way.
  const judged =
    begun?.proposal === digest
      ? { ok: true as const, approval: begun.approval as Decided['approval'], by: begun.by }
      : { by, ...judgeProposalApproval(proposal, digest, approvals, by, Date.now()) };
  if (!judged.ok) return complain(sayRefusal(judged.refusal), EXIT.refused);
  const old = begun?.proposal === digest ? undefined : comparedTooLittle(proposal);
  if (old !== undefined) return complain(sayRefusal(old), EXIT.refused);
  const inTheWay =
    (await busy(config, cell, values.config!)) ??
    (begun === undefined ? await open(config, cell, values, signal) : undefined);
  if (inTheWay !== undefined) return complain(inTheWay, EXIT.refused);
  const { cells, epoch } = (await MarksFile.open(config.dataDir)).marks;
  const fence = (Object.hasOwn(cells, cell.cell) ? cells[cell.cell] : undefined) ?? { epoch, n: 0 };
  const tenants = [...proposal.tenants];
  const verification = await pinnedVerification(config, cell.environment, values.verification, tenants);
  const placed = await placeStore({
    ...{ cell, proposal, digest, by: judged.by, approval: judged.approval, standing, fence, verification, signal },
    say: sayer(values),
  });
  if (!placed.ok) return complain(sayRefusal(placed.refusal), EXIT.refused);
  await report(config, cell, { proposal, digest, by: judged.by, approval: judged.approval }, placed, sayer(values));
  await standing.end();
  if (json === true) printJson({ proposal: digest, by, approval: judged.approval, ...placed });
  else print(`${doneLines(proposal, placed, values.config!).join('\n')}\n`);
  return placed.result === 'done' ? EXIT.ok : EXIT.refused;
}

const HOW = '`headgate recover-store approve FILE --key KEY --approver ID --out APPROVAL`';

/** Everybody in it was named when it was proposed, and somebody agreed to that. */
function tenantsDiffer({ tenants, cell }: AnyCellConfig, { store, tenants: named }: StoreProposal): string | undefined {
  const here = Object.keys(tenants).filter((tenant) => tenants[tenant]!.store === store);
  if (here.toSorted().join() === [...named].toSorted().join()) return undefined;
  return `the store ${store} of the cell ${cell} has other tenants (${here.join(', ')}) than the proposal names (${named.join(', ')}): propose anew`;
}

/** What is at work there: an agent, or a plan that isn't at its end. */
async function busy(config: AgentConfig, cell: AnyCellConfig, file: string): Promise<string | undefined> {
  const end = `end it first, what it runs goes on: headgate-agent stop --config ${file} --agent-only`;
  for (const dir of [config.dataDir, cell.dir])
    if ((await holderOf(dir)) !== undefined) return `${dir} is held by another process, most likely the agent; ${end}`;
  const underWay = (await underWayIn(config.dataDir, [cell.cell])).get(cell.cell);
  return underWay === undefined
    ? undefined
    : `an open promotion holds the cell ${cell.cell}: ${underWay}. Let it come to its end with the agent running, or go back first: headgate rollback PROMOTION --reason "…"`;
}

/** A promotion that rests between two waves holds nothing here, and goes on as soon as the agent is back. */
function open(config: AgentConfig, { cell, environment }: AnyCellConfig, { ended }: Values, signal: AbortSignal) {
  return openPromotionIn({ config, cell, environment, ended, now: Date.now(), signal });
}

interface Decided {
  readonly proposal: StoreProposal;
  readonly digest: StoreProposal['live']['census'];
  readonly by: string;
  readonly approval: Pick<ProposalApproval, 'by' | 'digest'>;
}

async function report(
  config: AgentConfig,
  { vault }: AnyCellConfig,
  { proposal, digest, by, approval }: Decided,
  placed: Extract<Placed, { ok: true }>,
  say: (line: string) => void,
): Promise<void> {
  const { environment, cell, store, point, keptAt, moment, tenants, because } = proposal;
  const { lost, back } = rowsLost(proposal);
  // By when it ended, and not by when it is told: told twice it is one statement.
  const { result, schemaVersion, startedAt, at } = placed;
  await reportRestoration({
    ...{ config, keyFile: vault?.keyFile, say },
    facts: {
      ...{ kind: 'in-place', environment, cell, moment, because, by, tenants, tenantCount: tenants.length },
      stores: [{ store, point, schemaVersion, ...(keptAt !== undefined && { lastCommitAt: keptAt }) }],
      ...{ subject: digest, approvals: [{ by: approval.by, digest: approval.digest }], startedAt, at },
      ...(result === 'done' ? { rows: { back, away: lost, changed: 0 } } : { failed: 'check' }),
      result,
    },
  });
}

function doneLines(proposal: StoreProposal, placed: Extract<Placed, { ok: true }>, config: string): readonly string[] {
  const { store, moment, live, was, odoo, othersInAll: others = 0 } = proposal;
  const { lost, back } = rowsLost(proposal);
  const { point, kept, why } = placed;
  const start = `Start the agent again: headgate-agent run --config ${config}`;
  if (placed.result === 'taken-back')
    return [
      `It was NOT put back: ${why}`,
      `What stood before stands again, from ${point}; its tenants are open.`,
      start,
    ];
  return [
    `The store ${store} is back in its place at ${moment}: ${lost.toLocaleString('en-US')} rows of before are gone, ${back.toLocaleString('en-US')} came back.`,
    ...(others === 0
      ? []
      : [
          `Beside rows, ${others === 1 ? '1 thing' : `${others.toLocaleString('en-US')} things`} went back as well, as the proposal lists ${others === 1 ? 'it' : 'them'}.`,
        ]),
    ...(live.schemaVersion === was.schemaVersion
      ? []
      : [
          `Its schema is ${was.schemaVersion} now, and was ${live.schemaVersion}: the server sees that with the agent’s next look, as a difference to what should be.`,
        ]),
    ...(odoo === undefined
      ? [`What stood before: restore point ${point}, and the folder ${kept}. Remove the folder when nobody needs it.`]
      : [
          `Its ${odoo.files.toLocaleString('en-US')} files are those of then${odoo.lacking.length === 0 ? '' : `, without ${odoo.lacking.length} that nobody has`}; its neighbours were served meanwhile.`,
          `What stood before: restore point ${point}, and the database ${kept}, with its files in the filestore’s folder ${kept.replace(/__before$/, '.before')}, until this tenant goes back the next time.`,
          `What it came from is stopped: remove ${dirname(proposal.place)}`,
        ]),
    start,
  ];
}

async function textIn(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new Error(`there is no file ${file}`);
  if (facts.size > MOST_BYTES) throw new Error(`${file} has ${facts.size} bytes, at most ${MOST_BYTES} are read`);
  return readFile(file, 'utf8');
}

function sayer({ json }: Values): (line: string) => void {
  return (line) => void (json === true || warn(`${line}\n`));
}

function misused(why: unknown): number {
  return wrongUsage('recover-store', why, EXIT.usage);
}
