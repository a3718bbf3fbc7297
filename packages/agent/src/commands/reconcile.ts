/** `headgate-agent reconcile`: looks at both sides of business, plans what would mend them, and has a plan carried out. */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sidesToLookAt } from '@headgate/adapters/execution/reconcile/sides-to-look-at';
import { visibleJson } from '@headgate/contract';
import { compensationPlanText, digestOfJson } from '@headgate/documents';
import { countClasses, planCompensation, sumsAgree, USUAL_COMPENSATION_APPROVALS } from '@headgate/domain';
import { lookTwice } from '@headgate/execution';
import type { AgentConfig } from '../config.ts';
import { print } from '../output.ts';
import { RECONCILE_EXIT } from '../reconcile/exits.ts';
import { placeOf } from '../reconcile/place.ts';
import { type ReadDocument, readDocument, WrongFile } from '../reconcile/read-files.ts';
import { reconciliationLines } from '../reconcile/words.ts';
import { complain, configIn, wrongUsage } from './command-line.ts';

export const RECONCILE_USAGE = `headgate-agent reconcile: compares two sides of business, says what would mend them, and has that carried out

  headgate-agent reconcile DOCUMENT-FILE --config FILE --store STORE [--cell CELL] [--tenants a,b] [--plan FILE] [--json]
  headgate-agent reconcile DOCUMENT-FILE --config FILE --carry-out PLAN-FILE [--approval FILE …] [--as ID]
                           [--statement FILE] [--json]

Looks at the store and at the other system as the document (kind: Reconciliation) says, twice, a second apart: what only one
look sees is business under way. Prints what was found by class, the sums of both sides, and the compensation plan with its
risk and digest. That changes nothing, and may run beside the agent.

With --carry-out the agent looks again, and does of the plan what is still exactly as it was approved, in one transaction;
what changed or came since is left alone, and what is a person's to decide is never done. It waits until that has settled,
compares again, and sends a signed statement to the server; a server that is away hears it later. Run again it goes on, and
does nothing twice. While a step of a promotion is at work in the cell it is refused.

--cell       where more than one cell of the configuration has such a store
--tenants    only these; else all tenants of the store
--plan       writes the plan, to be approved: headgate reconcile approve PLAN-FILE --key KEY --approver ID --out FILE
--carry-out  that plan. It takes as many approvals as the document says for its risk, by different people; as a rule none
             for a low one, one for a medium and two for a high one. Whoever runs it counts for none
--approval   an approver's signed yes; again for each
--as         who runs it, by the id that the trust file knows them by; needed where approvals are
--statement  also writes the signed statement

Exit codes: 0 both sides agree, 1 they don't, 64 wrong usage, 69 a side can't be read, 77 refused, 78 wrong configuration
or file.
`;

/** A look takes as long as the sides take to be read, up to this. Milliseconds. */
const LOOK_MS = 10 * 60_000;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const many = { type: 'string', multiple: true } as const;
const OPTIONS = {
  config: text,
  store: text,
  cell: text,
  tenants: text,
  plan: text,
  'carry-out': text,
  approval: many,
  as: text,
  statement: text,
  json: flag,
  help: flag,
} as const;
const ONLY_TO_LOOK = ['store', 'cell', 'tenants', 'plan'] as const;
const ONLY_TO_CARRY_OUT = ['approval', 'as', 'statement'] as const;

type ReconcileOptions = ReturnType<typeof readArguments>['values'];

/** Runs it and answers the exit code. */
export async function reconcile(args: readonly string[]): Promise<number> {
  let given: ReturnType<typeof readArguments>;
  try {
    given = readArguments(args);
  } catch (error) {
    return wrongUsage('reconcile', error, RECONCILE_EXIT.usage);
  }
  const { values, positionals } = given;
  if (values.help === true) {
    print(RECONCILE_USAGE);
    return RECONCILE_EXIT.agree;
  }
  const [file] = positionals;
  const wrong = misuse(values, positionals.length);
  if (wrong !== undefined || file === undefined || values.config === undefined)
    return wrongUsage('reconcile', wrong, RECONCILE_EXIT.usage);
  const read = configIn(values.config);
  if (!read.ok) return read.code;
  try {
    const document = await readDocument(file);
    if (values['carry-out'] === undefined) return await look(read.config, document, file, values);
    // Only then is it the agent's work, with all that an agent is made of.
    const { carryOutPlan } = await import('./carry-out-plan.ts');
    return await carryOutPlan(read.config, document, values['carry-out'], values);
  } catch (error) {
    const code = error instanceof WrongFile ? RECONCILE_EXIT.config : RECONCILE_EXIT.unreadable;
    return complain((error as Error).message, code);
  }
}

function readArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
}

function misuse(values: ReconcileOptions, files: number): string | undefined {
  const carries = values['carry-out'] !== undefined;
  const strange = (carries ? ONLY_TO_LOOK : ONLY_TO_CARRY_OUT).find((option) => values[option] !== undefined);
  if (strange !== undefined)
    return carries
      ? `with --carry-out there is no --${strange}: the plan says which store, and whose`
      : `--${strange} is for --carry-out alone`;
  if (carries)
    return files === 1 && values.config !== undefined
      ? undefined
      : "with --carry-out it needs a document's file, and --config";
  return files === 1 && values.config !== undefined && values.store !== undefined
    ? undefined
    : "it needs a document's file, --config and --store";
}

async function look(
  config: AgentConfig,
  { content, digest: document }: ReadDocument,
  file: string,
  { config: configFile, store = '', cell: named, tenants: wanted, plan: planFile, json }: ReconcileOptions,
): Promise<number> {
  const { cell, tenants } = placeOf(config, store, named, wanted);
  const sides = await sidesToLookAt(cell, store);
  const signal = AbortSignal.timeout(LOOK_MS);
  const until = performance.now() + LOOK_MS;
  const looking = { signal, remainingMs: () => until - performance.now() };
  const { compared, lasting, sums } = await lookTwice(
    () => sides.compare(content, store, tenants, looking),
    looking.signal,
  );
  const { metadata, spec } = content;
  const place = { reconciliation: metadata.name, document, environment: cell.environment, cell: cell.cell, store };
  const plan = planCompensation({ ...place, among: tenants }, lasting, spec.money);
  const agrees = lasting.length === 0 && sumsAgree(sums);
  const digest = digestOfJson(plan);
  if (planFile !== undefined) {
    const written = compensationPlanText(plan);
    if (!written.ok) throw new WrongFile(`the plan can't be written: ${written.why}; ${written.unblock}`);
    // Nothing behind it: the file's own SHA-256 is the plan's digest.
    await writeFile(planFile, written.text, { mode: 0o600 });
  }
  const needs = (spec.approvals ?? USUAL_COMPENSATION_APPROVALS)[plan.risk.level];
  const typed = `headgate-agent reconcile ${file} --config ${configFile}`;
  const lines = (): readonly string[] =>
    reconciliationLines({
      plan,
      digest,
      compared,
      tenants: tenants.length,
      sums,
      agrees,
      spec,
      needs,
      planFile,
      typed,
    });
  const classes = countClasses(lasting.map((each) => each.class));
  print(
    json === true
      ? `${visibleJson({ agrees, compared, tenants: tenants.length, classes, sums, plan, digest, needs })}\n`
      : `${lines().join('\n')}\n`,
  );
  return agrees ? RECONCILE_EXIT.agree : RECONCILE_EXIT.differ;
}
