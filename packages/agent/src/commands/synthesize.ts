/** `headgate-agent synthesize`: tenants of any size for load tests, made up in a masked copy. */
import { parseArgs } from 'node:util';
import { clientConfig, readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { readRowsCatalogue } from '@headgate/adapters/execution/tenant-rows/read-rows-catalogue';
import { type MadeRows, synthesizeTenants } from '@headgate/adapters/execution/tenant-rows/synthesize';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { proposeTenantRows } from '@headgate/domain';
import { writeNew } from '../out-file.ts';
import { print, printJson } from '../output.ts';
import { tenantRowsDocument } from '../recover-tenant/proposal.ts';
import { readTenantRows } from '../recover-tenant/read-rules.ts';
import { complain, wrongUsage } from './command-line.ts';

export const SYNTHESIZE_USAGE = `headgate-agent synthesize: makes tenants of any size up in a masked copy, for load tests

  headgate-agent synthesize --database-env VAR --rules FILE --like TENANT --as NAME … [--times N] [--plan] [--json]
  headgate-agent synthesize scan --database-env VAR [--column NAME] [--name NAME] [--out FILE]

Takes the rows of TENANT, which are made up by masking already, and writes them N times (1, unless said) for each NAME, under
keys of their own: every reference leads within the same copy of the rows. What a tenant's key allows only once (its settings
by name, itself) it has once. Nobody else's row changes; all is counted before it is committed, and it is all or nothing.

--rules FILE  whose the rows of each table are (kind: TenantRows)
scan          proposes such rules from the tables and their foreign keys, for a person to edit; --column: the tenant's column
--plan        says how many rows of each table would be made, and makes none
VAR is an environment variable with a URL, postgres://user:password@host:port/database, of the tables' owner. The database is
a copy that was masked; in anything else only scan works, which changes nothing.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
`;

const EXIT = { ok: 0, refused: 1, usage: 2 } as const;
const MOST_TIMES = 1_000_000;
const MOST_TENANTS = 100;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ 'database-env': text, rules: text, like: text, times: text, plan: flag, json: flag, help: flag },
  ...{ column: text, name: text, out: text },
  as: { type: 'string', multiple: true },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type Option = Exclude<keyof typeof OPTIONS, 'help'>;
type Database = ReturnType<typeof clientConfig>;

interface Takes {
  readonly needs: readonly Option[];
  readonly may: readonly Option[];
}
const SCAN: Takes = { needs: ['database-env'], may: ['column', 'name', 'out'] };
const MAKE: Takes = { needs: ['database-env', 'rules', 'like', 'as'], may: ['times', 'plan', 'json'] };

/** Runs it and answers the exit code. */
export async function synthesize(args: readonly string[]): Promise<number> {
  let values: Values;
  let words: readonly string[];
  try {
    ({ values, positionals: words } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }));
  } catch (error) {
    return misused(error);
  }
  if (values.help === true) {
    print(SYNTHESIZE_USAGE);
    return EXIT.ok;
  }
  const [command, more] = words;
  if ((command !== undefined && command !== 'scan') || more !== undefined)
    return misused(`it takes no word but scan, and was given ${more ?? command}`);
  const { needs, may } = command === 'scan' ? SCAN : MAKE;
  const missing = needs.filter((name) => values[name] === undefined);
  if (missing.length > 0) return misused(`it needs ${missing.map((name) => `--${name}`).join(', ')}`);
  const strange = (Object.keys(values) as Option[]).find((name) => !needs.includes(name) && !may.includes(name));
  if (strange !== undefined) return misused(`${command ?? 'without scan it'} takes no --${strange}`);
  try {
    const database = clientConfig(await readConnectionUrl({ variable: values['database-env']! }));
    return command === 'scan' ? await scan(database, values) : await make(database, values);
  } catch (error) {
    return complain(`${(error as Error).message}\nnothing was made`.split('\n'), EXIT.refused);
  }
}

async function scan(database: Database, { column, name = 'tenant-rows', out }: Values): Promise<number> {
  const document = tenantRowsDocument(name, proposeTenantRows(await withClient(database, readRowsCatalogue), column));
  if (out === undefined) print(document);
  else {
    await writeNew(out, document);
    print(`Proposed rules are in ${out}: read them, correct them, and check them in.\n`);
  }
  return EXIT.ok;
}

async function make(database: Database, values: Values): Promise<number> {
  const { like, as = [], plan = false, json = false } = values;
  const times = /^[1-9]\d{0,6}$/.test(values.times ?? '1') ? Number(values.times ?? '1') : Number.NaN;
  if (!(times <= MOST_TIMES)) return misused(`--times takes a number from 1 to ${MOST_TIMES}`);
  const wrong = wrongNames([like!, ...as]);
  if (wrong !== undefined) return misused(wrong);
  const rules = await readTenantRows(values.rules!);
  const { spec } = rules.content;
  const outcome = await synthesizeTenants({ database, rules: spec, like: like!, as, times, plan });
  if (!outcome.ok) {
    if (json) printJson({ ok: false, refusals: outcome.refusals });
    return complain(
      outcome.refusals.flatMap((refusal) => rules.tell(refusal).split('\n')),
      EXIT.refused,
    );
  }
  if (json) printJson({ ok: true, planned: plan, like, as, times, tables: outcome.tables, shared: outcome.shared });
  else print(`${lines(outcome.tables, outcome.shared, { like: like!, as, plan }).join('\n')}\n`);
  return EXIT.ok;
}

function wrongNames(names: readonly string[]): string | undefined {
  if (names.length - 1 > MOST_TENANTS) return `at most ${MOST_TENANTS} tenants are made at once`;
  const wrong = names.find((name) => !/^[\p{L}\p{N}][\p{L}\p{N}_.:@-]{0,99}$/u.test(name));
  if (wrong !== undefined) return 'a tenant’s name has letters, digits and . _ : @ -, 100 at most';
  return new Set(names).size === names.length ? undefined : 'a tenant is named twice';
}

function lines(
  tables: readonly MadeRows[],
  shared: readonly string[],
  { like, as, plan }: { readonly like: string; readonly as: readonly string[]; readonly plan: boolean },
): readonly string[] {
  const count = (n: number): string => n.toLocaleString('en-US');
  const some = tables.filter(({ rows }) => rows > 0);
  const width = Math.max(...some.map(({ table }) => table.length));
  const all = tables.reduce((sum, { made }) => sum + made, 0);
  const whom = as.length === 1 ? as[0]! : `each of ${as.length} tenants`;
  return [
    `${whom}, like ${like}: ${count(all)} rows in ${some.length} ${some.length === 1 ? 'table' : 'tables'}${plan ? ' would be made' : ''}.`,
    ...some.map(
      ({ table, rows, made, once }) =>
        `  ${table.padEnd(width)}  ${count(rows)} → ${count(made)}${once ? '  (a tenant has them once)' : ''}`,
    ),
    ...(shared.length === 0 ? [] : [`Shared, and as they were: ${shared.join(', ')}.`]),
    plan
      ? 'Nothing was made.'
      : 'Counted at the tables and committed; sequences go on behind them, and the tables are analysed.',
  ];
}

function misused(why: unknown): number {
  return wrongUsage('synthesize', why, EXIT.usage);
}
