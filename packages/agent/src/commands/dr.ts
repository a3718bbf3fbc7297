/** `headgate-agent dr`: a cell that is lost comes back in another place: planned, as a runbook, as an exercise, and for good. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { digestOfJson } from '@headgate/documents';
import { judgeExercise, planRebuild, type Refusal } from '@headgate/domain';
import { ObjectStoreTrouble } from '@headgate/execution';
import type { DrAsk } from '../dr/ask.ts';
import { cellsToRebuild } from '../dr/cell-to-rebuild.ts';
import { exercise } from '../dr/exercise.ts';
import { gatherFacts } from '../dr/facts.ts';
import { rebuild } from '../dr/rebuild.ts';
import { failedOf, reportCell } from '../dr/report-cell.ts';
import { runbook } from '../dr/runbook.ts';
import { exerciseLines, many, planLines, refusalLines } from '../dr/words.ts';
import { writeAnew } from '../out-file.ts';
import { print, printJson, warn } from '../output.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const DR_USAGE = `headgate-agent dr: a cell that is lost comes back in another place, from its vault, the log and this configuration

  headgate-agent dr plan --config FILE [--cell CELL] [--identity FILE] [LAST] [--json]
  headgate-agent dr runbook --config FILE [--cell CELL] [--identity FILE] [LAST] [--out FILE]
  headgate-agent dr exercise --config FILE [--cell CELL] [--identity FILE] [LAST] [OPTIONS]
  headgate-agent dr rebuild --config FILE [--cell CELL] --as ID --because "…" [--step STEP] [--identity FILE] [LAST]

LAST is --token-file FILE or --release DIR: by which the releases are known that ran last.

plan      what would be done, in order: repositories and states, of Odoo the cell's PostgreSQL, stores by what they depend on and
          those without tenants first, the releases that ran last, the router. What is missing is named; the vault and the log are
          asked, and nothing is changed
runbook   the same as Markdown, with the commands, for whoever does it by hand
exercise  carries it out in a folder of its own, on ports of its own: compares rows, files, indexes, starts the application as the
          cell says that it is on a copy (rehearsal; Odoo neutralises its copies), carries out business transactions, times every
          step, and takes all of it away. Signs what it saw, and keeps that in the vault. A store on somebody else's server comes
          back on a PostgreSQL of the exercise's own
rebuild   carries it out for good, where the configuration has the cell, and leaves it standing. Interrupted it goes on when it
          is called again. --step does one step alone. A store on somebody else's server comes back on the one that its url and
          adminUrl name now: never the lost one, nor over anything

--identity FILE      age's, mode 0600; without it the cell's vault.drill.identityFile
--token-file FILE    a person's token, by which the log is asked which releases ran last; their files come from there
--release DIR        the release that ran last, laid out (manifest.json, files/), where the log can't be asked
--verification FILE  business transactions through the router; an exercise carries out the program of vault.drill.transactions, too
--require-verification  an exercise that would carry out no business transaction isn't begun
--rto SECONDS, --rpo SECONDS  how long an exercise may take until the first business transaction, and how much may be lost
--statement FILE     write an exercise's signed statement there
--work-dir DIR       where an exercise is carried out (by default vault.drill.workDir, or below the system's temporary folder)
--json               facts as one line

CELL may be left out where there is one with a vault; plan takes all of them then, in the order of what they depend on.
Exit codes: 0 done, 1 refused, or not as it should be, 2 wrong usage, 3 the object store is away, 78 configuration,
130 interrupted.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, away: 3, interrupted: 130 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ config: text, cell: text, identity: text, release: text, 'token-file': text, verification: text, out: text },
  ...{ as: text, because: text, step: text, rto: text, rpo: text, statement: text, 'work-dir': text },
  ...{ 'require-verification': flag, json: flag, help: flag },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

const COMMON = ['config', 'cell', 'identity', 'release', 'token-file', 'json', 'help'];
/** What each takes beside what all do. */
const COMMANDS = {
  plan: { run: plan, takes: ['verification'], needs: [] },
  runbook: { run: renderRunbook, takes: ['verification', 'out'], needs: [] },
  exercise: {
    run: carryOutExercise,
    takes: ['verification', 'require-verification', 'rto', 'rpo', 'statement', 'work-dir'],
    needs: [],
  },
  rebuild: { run: carryOutRebuild, takes: ['verification', 'as', 'because', 'step'], needs: ['as', 'because'] },
} as const;

/** Runs it and answers the exit code. */
export async function dr(args: readonly string[]): Promise<number> {
  let given: { readonly values: Values; readonly positionals: readonly string[] };
  try {
    given = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return misused(error);
  }
  const { values, positionals } = given;
  if (values.help === true) {
    print(DR_USAGE);
    return EXIT.ok;
  }
  const [name = '', ...more] = positionals;
  if (!Object.hasOwn(COMMANDS, name) || more.length > 0)
    return misused(`it is one of ${Object.keys(COMMANDS).join(', ')}`);
  const command = COMMANDS[name as keyof typeof COMMANDS];
  const wrong = misuse(name, command, values);
  if (wrong !== undefined) return misused(wrong);
  const read = trustedIn(values.config!);
  if (!read.ok) return read.code;
  const over = interruptible();
  try {
    const cells = cellsToRebuild(read.config, values.cell);
    if (name !== 'plan' && cells.length > 1)
      return misused(`several cells have a vault; name one: ${cells.map(({ cell }) => `--cell ${cell}`).join(', ')}`);
    let code: number = EXIT.ok;
    for (const cell of cells) {
      const ask: DrAsk = {
        ...{ config: read.config, configFile: values.config!, cell, trust: read.trust, signal: over.signal },
        ...{ identityFile: values.identity, releaseDir: values.release && resolve(values.release) },
        ...{ verificationFile: values.verification, tokenFile: values['token-file'] },
        say: (line) => void (values.json === true || warn(`${line}\n`)),
        detail: (words) => void warn(`headgate-agent: ${words}\n`),
      };
      code = Math.max(code, await command.run(ask, values));
    }
    return code;
  } catch (error) {
    if (over.signal.aborted) return complain(interrupted(name), EXIT.interrupted);
    return complain((error as Error).message, error instanceof ObjectStoreTrouble ? EXIT.away : EXIT.refused);
  } finally {
    over.over();
  }
}

function misuse(
  name: string,
  { takes, needs }: { readonly takes: readonly string[]; readonly needs: readonly string[] },
  values: Values,
): string | undefined {
  const given = Object.keys(values);
  const stranger = given.find((each) => ![...COMMON, ...takes].includes(each));
  if (stranger !== undefined) return `${name} doesn’t take --${stranger}`;
  const missing = ['config', ...needs].filter((each) => !given.includes(each));
  if (missing.length > 0) return `it needs ${missing.map((each) => `--${each}`).join(', ')}`;
  if (values.because?.trim() === '') return '--because needs a reason';
  for (const each of ['rto', 'rpo'] as const)
    if (values[each] !== undefined && !(Number(values[each]) > 0)) return '--rto and --rpo are seconds above 0';
  return undefined;
}

function interrupted(name: string): string {
  return name === 'rebuild'
    ? 'it was interrupted; called again it goes on'
    : 'it was interrupted; what was rebuilt is gone';
}

async function planned(ask: DrAsk) {
  const gathered = await gatherFacts({ ...ask, target: ask.cell });
  // As it is carried out for good: the declared program writes, and is for exercises.
  const facts = { ...gathered.facts, transactions: ask.verificationFile !== undefined };
  return { facts, result: planRebuild(facts) };
}

/** A plan is asked for often, and reads nothing that is large. */
const LOOKED_AT =
  'Of what lies in a vault it was looked whether every part and every piece of the log is there and of its size; headgate-agent restore-points verify --config FILE --store STORE reads them.';

async function plan(ask: DrAsk, { json }: Values): Promise<number> {
  const { facts, result } = await planned(ask);
  if (json === true) printJson(result.ok ? { ...result, digest: digestOfJson(result.plan) } : result);
  if (!result.ok) return refused(ask, result.refusals, json);
  if (json !== true) print(`${[...planLines(result.plan, facts.now), LOOKED_AT].join('\n')}\n`);
  return EXIT.ok;
}

async function renderRunbook(ask: DrAsk, { out, json }: Values): Promise<number> {
  const { facts, result } = await planned(ask);
  if (!result.ok) return refused(ask, result.refusals, json);
  const words = await runbook(ask, result.plan, digestOfJson(result.plan), facts.now);
  if (out === undefined) print(words);
  // A schedule renders it anew over its own, and over nothing else.
  else await writeAnew(out, words, words.slice(0, words.indexOf('\n') + 1));
  return EXIT.ok;
}

async function carryOutExercise(ask: DrAsk, values: Values): Promise<number> {
  const came = await exercise(ask, values['work-dir'], values['require-verification'] === true);
  if ('refusals' in came) return refused(ask, came.refusals, values.json);
  const { facts, bundle } = came;
  const result = judgeExercise(facts);
  await reportCell(ask, {
    ...{ kind: 'exercise', subject: facts.plan, startedAt: facts.startedAt, at: facts.at, stores: facts.stores },
    ...{ failed: failedOf(facts.steps), ok: result.ok, statement: digestOfJson(bundle) },
    rtoMs: result.rtoMs,
  });
  if (values.json === true) printJson({ result, facts });
  else print(`${exerciseLines(facts).join('\n')}\n`);
  if (values.statement !== undefined) {
    await writeFile(values.statement, `${JSON.stringify(bundle)}\n`, { mode: 0o600 });
    ask.say(`The signed statement is in ${values.statement}.`);
  }
  const missed = (ms: number | undefined, most: string | undefined): boolean =>
    most !== undefined && !(ms !== undefined && ms <= Number(most) * 1_000);
  const late = missed(result.rtoMs, values.rto);
  const stale = missed(result.rpoMs, values.rpo);
  if (late) complain(`it took longer than the ${values.rto} s that are allowed, or never came so far`, EXIT.refused);
  if (stale) complain(`more than the last ${values.rpo} s would be lost`, EXIT.refused);
  return result.ok && !late && !stale ? EXIT.ok : EXIT.refused;
}

async function carryOutRebuild(ask: DrAsk, values: Values): Promise<number> {
  const { as: by = '', because = '', step, json } = values;
  const startedAt = Date.now();
  const came = await rebuild({ ...ask, by, because, step });
  if ('refusals' in came) return refused(ask, came.refusals, json);
  const { plan: of, came: done, asked } = came;
  const failed = done.steps.find((each) => each.failed !== undefined);
  // Those of an earlier call came back as the plan has them.
  const stores = of.stores.map(({ name, point }) => {
    const now = done.stores.find(({ store }) => store === name);
    return now ?? { store: name, point: point.id };
  });
  // One step alone is no cell; the last one of them makes it one.
  if (done.steps.length > 0 && (failed !== undefined || step === undefined || asked.at(-1)?.id === of.steps.at(-1)?.id))
    await reportCell(ask, {
      ...{ kind: 'rebuild', subject: digestOfJson(of), startedAt, at: Date.now(), stores, by, because },
      ...{ failed: failedOf(done.steps), ok: failed === undefined },
    });
  if (json === true) printJson({ ok: failed === undefined, ...done });
  if (failed !== undefined)
    return complain(
      [`${failed.id}: ${failed.failed}`, 'what is done stays; called again it goes on there'],
      EXIT.refused,
    );
  if (json === true) return EXIT.ok;
  if (step !== undefined) {
    const at = of.steps.findIndex(({ id }) => id === asked[0]?.id);
    const next = of.steps[at + 1];
    print(`${step} is done.${next === undefined ? ' It was the last.' : ` Next: ${next.id}`}\n`);
    return EXIT.ok;
  }
  const { listenPort } = ask.cell.router;
  print(
    `${[
      `${of.cell} (${of.environment}) stands again, by ${by}: ${because.trim()}`,
      `  its router leads ${many(Object.keys(ask.cell.tenants).length, 'tenant')}, at 127.0.0.1:${listenPort}: point what stands in front of it here`,
      `  then start its agent: headgate-agent run --config ${ask.configFile}`,
      '  where the control plane was restored, too, answer what it asks of the cell: headgate recovery',
    ].join('\n')}\n`,
  );
  return EXIT.ok;
}

function refused(ask: DrAsk, refusals: readonly Refusal[], json: boolean | undefined): number {
  if (json === true) return EXIT.refused;
  return complain([`${ask.cell.cell} can’t be rebuilt; nothing was begun:`, ...refusalLines(refusals)], EXIT.refused);
}

function misused(why: unknown): number {
  return wrongUsage('dr', why, EXIT.usage);
}
