/** `headgate-agent reconcile`: a dry look at both sides of business, and the plan that would mend what is between them. */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sidesToLookAt } from '@headgate/adapters/execution/reconcile/sides-to-look-at';
import { digestOfJson, parseDocuments } from '@headgate/documents';
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import { countClasses, planCompensation, sumsAgree, sumsWithout } from '@headgate/domain';
import type { Comparison, Difference } from '@headgate/execution';
import { type AgentConfig, loadConfig } from '../config.ts';
import { reconciliationLines } from '../reconcile/words.ts';

export const RECONCILE_USAGE = `headgate-agent reconcile: compares two sides of business, and says what would be done; changes nothing

  headgate-agent reconcile DOCUMENT-FILE --config FILE --store STORE [--cell CELL] [--tenants a,b] [--json]

Looks at the store and at the other system as the document (kind: Reconciliation) says, twice, a second apart: what only one
look sees is business under way. Prints what was found by class, the sums of both sides, and the compensation plan with its
risk and digest. It may run beside the agent. What is planned is carried out by the reconcile step of a rollback, and by
nothing else.

--cell     where more than one cell of the configuration has such a store
--tenants  only these; else all tenants of the store

Exit codes: 0 both sides agree, 1 they don't, 64 wrong usage, 69 a side can't be read, 78 wrong configuration or document.
`;

const EXIT = { agree: 0, differ: 1, usage: 64, unreadable: 69, config: 78 } as const;
/** Between two looks. Milliseconds. */
const AGAIN_MS = 1_000;
/** A look takes as long as the sides take to be read, up to this. Milliseconds. */
const LOOK_MS = 10 * 60_000;
const MAX_BYTES = 1024 * 1024;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = { config: text, store: text, cell: text, tenants: text, json: flag, help: flag } as const;

/** Runs it and answers the exit code. */
export async function reconcile(args: readonly string[]): Promise<number> {
  let read: ReturnType<typeof readArguments>;
  try {
    read = readArguments(args);
  } catch (error) {
    return complain(EXIT.usage, `${(error as Error).message}\n\n${RECONCILE_USAGE}`);
  }
  const { values, positionals } = read;
  if (values.help === true) {
    process.stdout.write(RECONCILE_USAGE);
    return EXIT.agree;
  }
  const [file] = positionals;
  const { config: configFile, store } = values;
  if (file === undefined || positionals.length > 1 || configFile === undefined || store === undefined)
    return complain(EXIT.usage, `it needs a document's file, --config and --store\n\n${RECONCILE_USAGE}`);
  const config = loadConfig(configFile);
  if (!config.ok) return complain(EXIT.config, config.problems.join('\n'));
  const document = await readDocument(file);
  if (!document.ok) return complain(EXIT.config, document.why);
  const place = placeOf(config.config, store, values.cell, values.tenants);
  if (!place.ok) return complain(EXIT.config, place.why);
  try {
    const sides = await sidesToLookAt(place.cell, store);
    const signal = AbortSignal.timeout(LOOK_MS);
    const until = performance.now() + LOOK_MS;
    const looking = { signal, remainingMs: () => until - performance.now() };
    const look = () => sides.compare(document.content, store, place.tenants, looking);
    const first = await look();
    // Nothing to wait for where nothing differs.
    if (first.differences.length > 0) await sleep(AGAIN_MS);
    const { comparison, lasting } = ofBoth(first, first.differences.length > 0 ? await look() : first);
    return tell(document.content, store, place.tenants, comparison, lasting, values.json === true);
  } catch (error) {
    return complain(EXIT.unreadable, (error as Error).message);
  }
}

function readArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
}

/** What both looks saw; the rest came or went meanwhile. */
function ofBoth(
  first: Comparison,
  second: Comparison,
): { readonly comparison: Comparison; readonly lasting: readonly Difference[] } {
  const seen = new Set(first.differences.map(nameOf));
  return { comparison: second, lasting: second.differences.filter((each) => seen.has(nameOf(each))) };
}

function nameOf({ tenant, key }: Difference): string {
  return `${tenant} ${key}`;
}

function tell(
  { metadata, spec }: ReconciliationContent,
  store: string,
  tenants: readonly string[],
  { compared, differences, sums: all }: Comparison,
  lasting: readonly Difference[],
  json: boolean,
): number {
  const kept = new Set(lasting);
  const sums = sumsWithout(
    all,
    differences.filter((each) => !kept.has(each)).flatMap(({ amounts }) => amounts),
  );
  const plan = planCompensation({ reconciliation: metadata.name, store }, lasting, spec.money);
  const agrees = lasting.length === 0 && sumsAgree(sums);
  const digest = digestOfJson(plan);
  const classes = countClasses(lasting.map((each) => each.class));
  const lines = (): readonly string[] =>
    reconciliationLines({ plan, digest, compared, tenants: tenants.length, sums, agrees, spec });
  process.stdout.write(
    json
      ? `${JSON.stringify({ agrees, compared, tenants: tenants.length, classes, sums, plan, digest })}\n`
      : `${lines().join('\n')}\n`,
  );
  return agrees ? EXIT.agree : EXIT.differ;
}

type ReadDocument =
  | { readonly ok: true; readonly content: ReconciliationContent }
  | { readonly ok: false; readonly why: string };

async function readDocument(file: string): Promise<ReadDocument> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) return { ok: false, why: `there is no file ${file}` };
  if (facts.size > MAX_BYTES)
    return { ok: false, why: `${file} has ${facts.size} bytes, at most ${MAX_BYTES} are read` };
  const parsed = parseDocuments(await readFile(file, 'utf8'), { file });
  if (!parsed.ok) return { ok: false, why: parsed.problems.map(({ message }) => message).join('\n') };
  const found = parsed.documents.flatMap(({ content }) => (content.kind === 'Reconciliation' ? [content] : []));
  const [content] = found;
  if (content === undefined || found.length > 1)
    return { ok: false, why: `${file}: expected one document of kind Reconciliation, found ${found.length}` };
  return { ok: true, content };
}

type ProcessCell = Extract<AgentConfig['cells'][number], { readonly kind: 'process' }>;
type Place =
  | { readonly ok: true; readonly cell: ProcessCell; readonly tenants: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** The cell that has the store, and which of its tenants are meant. */
function placeOf({ cells }: AgentConfig, store: string, wanted: string | undefined, named: string | undefined): Place {
  const having = cells.filter(
    (each): each is ProcessCell =>
      each.kind === 'process' &&
      (wanted === undefined || each.cell === wanted) &&
      (Object.hasOwn(each.stores, store) || Object.hasOwn(each.externalStores, store)),
  );
  const [cell] = having;
  if (cell === undefined)
    return {
      ok: false,
      why: `no cell of this configuration${wanted === undefined ? '' : ` named ${wanted}`} has a store ${store}`,
    };
  if (having.length > 1)
    return {
      ok: false,
      why: `the cells ${having.map((each) => each.cell).join(', ')} have a store ${store}: say which one with --cell`,
    };
  const there = Object.entries(cell.tenants).flatMap(([tenant, of]) => (of.store === store ? [tenant] : []));
  const tenants = named === undefined ? there : named.split(',').filter((each) => each !== '');
  const strange = tenants.filter((tenant) => !there.includes(tenant));
  if (strange.length > 0) return { ok: false, why: `the store ${store} has no tenant ${strange.join(', ')}` };
  if (tenants.length === 0) return { ok: false, why: `the store ${store} has no tenant` };
  return { ok: true, cell, tenants };
}

function complain(code: number, words: string): number {
  process.stderr.write(`headgate-agent: ${words}\n`);
  return code;
}
