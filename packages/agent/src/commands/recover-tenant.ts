/** `headgate-agent recover-tenant`: one tenant of a shared store goes back, as a difference that is shown, approved and applied. */

import { mkdir, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type MadeDifference, makeDifference } from '@headgate/adapters/execution/tenant-rows/make-difference';
import { visibleJson } from '@headgate/contract';
import { differenceText } from '@headgate/documents';
import { rowsOf, schemaOfTenant, type TenantDifference } from '@headgate/domain';
import { sayRefusal } from '../assignments/refused.ts';
import { writeNew } from '../out-file.ts';
import { print, printJson, warn } from '../output.ts';
import { type AppliedTenant, applyTenant } from '../recover-tenant/apply.ts';
import { heldLines, holdIn, isHeld, writingLines } from '../recover-tenant/held.ts';
import { expectListed } from '../recover-tenant/listed.ts';
import { expectPinned } from '../recover-tenant/pinned-rules.ts';
import { readTenantRows } from '../recover-tenant/read-rules.ts';
import { momentText } from '../recover-tenant/recovered-file.ts';
import { reportTenant } from '../recover-tenant/report-tenant.ts';
import { scanned } from '../recover-tenant/scan.ts';
import {
  cellOfStore,
  expectTenancy,
  expectTenant,
  liveStore,
  othersOf,
  recoveredStore,
  tenantsOf,
} from '../recover-tenant/stores.ts';
import { complain, configIn, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const RECOVER_TENANT_USAGE = `headgate-agent recover-tenant: brings one tenant of a shared store back to a moment, and nobody else

  headgate-agent recover-tenant scan --config FILE --store STORE [--cell CELL] [--column NAME] [--name NAME] [--out FILE]
  headgate-agent recover-tenant diff --config FILE --store STORE --tenant TENANT --rules FILE --recovered DIR
                                     --as ID [--cell CELL] [--out FILE] [--json]
  headgate-agent recover-tenant apply FILE --config FILE --as ID --approval FILE … [--rules FILE] [--json]
  headgate-agent recover-tenant hold --config FILE --store STORE --tenant TENANT [--cell CELL] [--minutes N]

scan    proposes rules from the store's tables and foreign keys, for a person to read: whose the rows of each table are
        (kind: TenantRows). --column says what the tenant's column is called; else the usual name that most tables have.
        Of a cell with tenancy: schema-per-tenant also how a tenant's schema is named
diff    compares the tenant's rows as they are with those in DIR, to which the store was recovered (see headgate-agent
        recover). Says what would be lost, what comes back and what changes, and writes it to a file: 0600, below
        the agent's folder, with every value. Changes nothing, in neither store
apply   brings the rows back as the file says, in one transaction, once somebody who neither made nor applies it has approved
        it: headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL. Where a row of the tenant was
        written since, nothing is done. What takes it back is kept beside it, as FILE.undo, and is approved and applied
        in the same way. --rules: the rules that it has to be by, needed where documents are pinned for the environment.
        The cell's router holds the tenant meanwhile, where one runs: what may change something is answered with 503
hold    does that for N minutes (30, at most 720) or until it is interrupted: from a diff on until it is applied

--as ID    who makes or applies it, by an id that the agent's trust file lists with a key (may: [approval])
CELL may be left out where one cell alone has such a store. Stores whose PostgreSQL Headgate keeps, which tenants share by
their rows or with a schema each.
Exit codes: 0 done, or there is nothing to do, 1 refused or wrong, 2 wrong usage, 78 configuration.
`;

const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const many = { type: 'string', multiple: true } as const;
const OPTIONS = {
  ...{ config: text, store: text, cell: text, tenant: text, rules: text, recovered: text, as: text, out: text },
  ...{ column: text, name: text, approval: many, minutes: text, json: flag, help: flag },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type Option = Exclude<keyof typeof OPTIONS, 'help'>;

/** What each takes: needed, and beside it. */
const TAKES: Readonly<Record<string, { readonly needs: readonly Option[]; readonly may: readonly Option[] }>> = {
  scan: { needs: ['config', 'store'], may: ['cell', 'column', 'name', 'out'] },
  diff: { needs: ['config', 'store', 'tenant', 'rules', 'recovered', 'as'], may: ['cell', 'out', 'json'] },
  apply: { needs: ['config', 'as'], may: ['approval', 'rules', 'json'] },
  hold: { needs: ['config', 'store', 'tenant'], may: ['cell', 'minutes'] },
};

/** Runs it and answers the exit code. */
export async function recoverTenant(args: readonly string[]): Promise<number> {
  let read: { readonly values: Values; readonly positionals: readonly string[] };
  try {
    read = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return misused(error);
  }
  const { values, positionals } = read;
  if (values.help === true) {
    print(RECOVER_TENANT_USAGE);
    return EXIT.ok;
  }
  const [command = '', file, ...more] = positionals;
  const wrong = misuse(command, file, more.length, values);
  if (wrong !== undefined) return misused(wrong);
  try {
    if (command === 'scan') return await scan(values);
    if (command === 'hold') return await hold(values);
    return command === 'diff' ? await diff(values) : await apply(resolve(file!), values);
  } catch (error) {
    return complain((error as Error).message.split('\n'), EXIT.refused);
  }
}

function misuse(command: string, file: string | undefined, more: number, values: Values): string | undefined {
  const takes = Object.hasOwn(TAKES, command) ? TAKES[command] : undefined;
  if (takes === undefined) return `it is scan, diff, apply or hold${command === '' ? '' : `, not ${command}`}`;
  if (more > 0 || (command === 'apply') !== (file !== undefined))
    return command === 'apply' ? 'apply takes one file' : `${command} takes no further word`;
  const given = (Object.keys(values) as Option[]).filter((name) => values[name] !== undefined);
  const strange = given.find((name) => !takes.needs.includes(name) && !takes.may.includes(name));
  if (strange !== undefined) return `${command} takes no --${strange}`;
  const missing = takes.needs.filter((name) => values[name] === undefined);
  return missing.length === 0 ? undefined : `${command} needs ${missing.map((name) => `--${name}`).join(', ')}`;
}

async function scan({ config, store, cell, column, name = 'tenant-rows', out }: Values): Promise<number> {
  const read = configIn(config!);
  if (!read.ok) return read.code;
  const of = cellOfStore(read.config, store!, cell);
  const document = await scanned({
    ...{ store: await liveStore(of, store!), tenants: tenantsOf(of, store!), name },
    schemaPerTenant: of.tenancy === 'schema-per-tenant',
    ...(column !== undefined && { column }),
  });
  if (out === undefined) print(document);
  else {
    await writeNew(out, document);
    print(`Proposed rules are in ${out}: read them, correct them, and check them in.\n`);
  }
  return EXIT.ok;
}

async function diff(values: Values): Promise<number> {
  const { config, store, tenant, rules: rulesFile, as: by, json } = values;
  const read = trustedIn(config!);
  if (!read.ok) return read.code;
  expectListed(read.trust, by!, '--as');
  const cell = cellOfStore(read.config, store!, values.cell);
  expectTenant(cell, store!, tenant!);
  const rules = await readTenantRows(rulesFile!);
  expectPinned(read.config, cell.environment, rules);
  expectTenancy(cell, rules.content.spec);
  const was = await recoveredStore(cell, store!, resolve(values.recovered!));
  const own = join(read.config.dataDir, 'tenant-recoveries');
  const out = resolve(
    values.out ?? join(own, `${tenant}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.difference`),
  );
  await mkdir(dirname(out), { recursive: true, mode: 0o700 });
  const over = interruptible(new Error('it was interrupted; nothing was changed'));
  const { environment } = cell;
  const made = await makeDifference({
    of: {
      environment,
      cell: cell.cell,
      store: store!,
      tenant: tenant!,
      moment: momentText(was.recovered),
      by: by!,
    },
    rules: { ...rules.content.spec, name: rules.content.metadata.name, digest: rules.digest },
    others: othersOf(cell, store!, tenant!, rules.content.spec),
    ...{ live: await liveStore(cell, store!), was: was.store, out, now: Date.now, signal: over.signal },
  }).finally(over.over);
  if (!made.ok)
    return complain(
      made.refusals.flatMap((refusal) => rules.tell(refusal).split('\n')),
      EXIT.refused,
    );
  const place = { config: config!, store: store!, cell: cell.cell };
  const writing = writingLines(tenant!, made.writtenSince, await isHeld(cell, tenant!), place);
  return tellMade(made, { out, config: config!, rules: rulesFile!, json: json === true, writing });
}

interface Telling {
  readonly out: string;
  readonly config: string;
  readonly rules: string;
  readonly json: boolean;
  /** What is said of the tenant's writing on. */
  readonly writing: readonly string[];
}

async function tellMade(
  { difference, digest, examples, outside, writtenSince }: Extract<MadeDifference, { ok: true }>,
  { out, config, rules, json, writing }: Telling,
): Promise<number> {
  const nothing = rowsOf(difference) === 0;
  if (nothing) await rm(out, { force: true });
  const kept = !nothing && outside.length === 0;
  const next = [
    ...writing,
    '',
    `Nothing was changed. The difference is in ${out}; it has the tenant’s rows, so keep it here.`,
    'To have it applied, somebody else approves it (its first line is enough, where nobody is to see the rows):',
    `  headgate recover-tenant approve ${out} --key KEY --approver ID --out APPROVAL`,
    `  headgate-agent recover-tenant apply ${out} --config ${config} --rules ${rules} --as ID --approval APPROVAL`,
  ];
  print(
    json
      ? `${visibleJson({ ...difference, digest, file: kept ? out : null, outside, writtenSince })}\n`
      : `${[...differenceText(difference, digest, examples), ...(kept ? next : [])].join('\n')}\n`,
  );
  if (outside.length === 0) return EXIT.ok;
  return complain(
    ['', 'It can’t be applied, and no file was written:', ...outside.map((refusal) => sayRefusal(refusal))],
    EXIT.refused,
  );
}

async function apply(file: string, values: Values): Promise<number> {
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  const { config, trust } = read;
  expectListed(trust, values.as!, '--as');
  const rules = values.rules === undefined ? undefined : await readTenantRows(values.rules);
  const done = await applyTenant({
    ...(rules !== undefined && { rules }),
    ...{ config, trust, file, approvals: values.approval ?? [], by: values.as!, now: Date.now },
    ...(values.json !== true && { told: (lines: readonly string[]) => print(`${[...lines, ''].join('\n')}\n`) }),
    report: (...applied) =>
      reportTenant(config, (line) => void (values.json === true || warn(`${line}\n`)), ...applied),
  });
  if (!done.ok) return complain(sayRefusal(done.refusal), EXIT.refused);
  if (values.json === true) printJson(doneJson(done));
  else print(`${doneLines(done, values).join('\n')}\n`);
  return EXIT.ok;
}

const MINUTE_MS = 60_000;
const MOST_MINUTES = 720;

/** Until the time is over or somebody ends it; whoever kills it is outlived by seconds. */
async function hold({ config, store, tenant, cell: name, minutes = '30' }: Values): Promise<number> {
  if (!/^[1-9]\d{0,2}$/.test(minutes) || Number(minutes) > MOST_MINUTES)
    return misused(`--minutes takes a number from 1 to ${MOST_MINUTES}`);
  const read = configIn(config!);
  if (!read.ok) return read.code;
  const cell = cellOfStore(read.config, store!, name);
  expectTenant(cell, store!, tenant!);
  const over = interruptible();
  try {
    const held = await holdIn(cell, tenant!, read.config.dataDir);
    if (!held.held) return complain(heldLines(tenant!, held), EXIT.refused);
    print(`${heldLines(tenant!, held).join('\n')}\nAt most ${minutes} minutes; interrupt it to end it.\n`);
    await sleep(Number(minutes) * MINUTE_MS, undefined, { signal: over.signal }).catch(() => {});
    await held.release();
    print(`${tenant} is served again.\n`);
    return EXIT.ok;
  } finally {
    over.over();
  }
}

type Done = Extract<AppliedTenant, { ok: true }>;

function doneJson(done: Done): object {
  const { digest } = done.file;
  if ('already' in done) return { difference: digest, already: true };
  const { facts, statement, applied } = done;
  return { difference: digest, user: `uid-${userInfo().uid}`, ...facts, undo: applied.reverse.path, statement };
}

function doneLines(done: Done, { config, rules }: Values): readonly string[] {
  const { difference, digest } = done.file;
  if ('already' in done) return [`The rows of ${difference.tenant} are so already (${digest}); nothing was written.`];
  const { facts, statement, applied } = done;
  const { back, away, changed } = facts.rows;
  const count = (n: number): string => n.toLocaleString('en-US');
  const rows = (n: number): string => `${count(n)} row${n === 1 ? '' : 's'}`;
  const { summed, counted } = facts.others;
  return [
    `${difference.tenant} is back at ${difference.moment}: ${rows(back)} came back, ${count(away)} taken away, ${count(changed)} changed.`,
    'Compared again before it was committed: every table of the tenant’s is as it was then.',
    ...(difference.schemas === undefined ? [] : [outsideLine(difference)]),
    ...(summed + counted.length === 0 && difference.schemas !== undefined
      ? []
      : [
          `Of everybody else: ${count(summed)} table${summed === 1 ? '' : 's'} summed up before and after, none changed${counted.length === 0 ? '' : `; too large for that, counted by what was written: ${counted.join(', ')}`}.`,
        ]),
    ...(difference.sequences ?? []).map(
      ({ sequence, to }) =>
        `${sequence} goes on from ${to} or beyond it: it would have given out again what came back.`,
    ),
    `Approved by ${facts.approval.by}, applied by ${facts.by}. The ${statement.signed ? 'signed statement' : 'statement, not signed (the cell has no vault.keyFile),'} is in ${statement.path}.`,
    '',
    `What takes it back is in ${applied.reverse.path}, once it is approved (${facts.reverse}):`,
    `  headgate recover-tenant approve ${applied.reverse.path} --key KEY --approver ID --out APPROVAL`,
    `  headgate-agent recover-tenant apply ${applied.reverse.path} --config ${config}${rules === undefined ? '' : ` --rules ${rules}`} --as ID --approval APPROVAL`,
  ];
}

function outsideLine({ schemas, value }: TenantDifference): string {
  return `Outside of the schema ${schemaOfTenant(schemas!.named, value)} no row was written but those shown, as PostgreSQL counted, and nothing was altered or emptied.`;
}

function misused(why: unknown): number {
  return wrongUsage('recover-tenant', why, EXIT.usage);
}
