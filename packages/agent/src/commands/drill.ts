/** `headgate-agent drill`: a restore point brought back from a vault into a throw-away place, compared, checked and timed. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { createClient, ProblemError } from '@headgate/contract';
import { judgeDrill } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { refusalWords } from '../control-plane/control-plane.ts';
import { type DrilledStore, drillStore } from '../drill/drill-store.ts';
import { drillLines } from '../drill/words.ts';
import { print, printJson, warn } from '../output.ts';
import { restorationKey } from '../restore-points/trust-entries.ts';
import { havingStore, onlyOne, pointCellsOf } from '../vault-cells.ts';
import { complain, trustedIn, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const DRILL_USAGE = `headgate-agent drill: brings a restore point back from its vault, and says what came of it

  headgate-agent drill --config FILE --store STORE [--cell CELL] [--id ID] [--identity FILE] [OPTIONS]

Of a store with pgBackRest it comes out of its repository, whether its cell has a vault or not.
It is fetched (signature, parts, every file), restored into a PostgreSQL of its own that is thrown away, and compared with what
was promised when it was taken: schema version, rows of every table, files. The cell's business transactions are carried out
on it where they are declared (vault.drill.transactions), and pg_amcheck looks at tables and indexes. The store isn't touched.

--id ID           the restore point; without it the newest
--identity FILE   age's, mode 0600; without it the cell's vault.drill.identityFile
--rto SECONDS     how long it may take until the store can be used, and
--rpo SECONDS     how much may be lost; more is not well
--statement FILE  write the signed statement there
--attach          send it to the server, where the gate restore-drilled reads it, be it good or bad
--work-dir DIR    where it is brought back (by default vault.drill.workDir, or below the system's temporary folder); room for
                  two copies. What a killed drill left there goes with the next one
--json            facts and result as one line

CELL may be left out where one has that store. The statement is signed by the key that seals restore points; of a cell
without a vault by restoration.pem in the agent's folder. headgate-agent restore-points key --config FILE --entry prints what
the server's trust file needs.
Exit codes: 0 it went well, 1 it did not, 2 wrong usage, 78 configuration, 130 interrupted.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, config: 78, interrupted: 130 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  config: text,
  cell: text,
  store: text,
  id: text,
  identity: text,
  rto: text,
  rpo: text,
  statement: text,
  'work-dir': text,
  attach: flag,
  json: flag,
  help: flag,
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Runs it and answers the exit code. */
export async function drill(args: readonly string[]): Promise<number> {
  let values: Values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    return misused(error);
  }
  if (values.help === true) {
    print(DRILL_USAGE);
    return EXIT.ok;
  }
  const { config, store } = values;
  if (config === undefined || store === undefined) return misused('it needs --config and --store');
  const targets = [values.rto, values.rpo].map((each) => (each === undefined ? undefined : Number(each) * 1_000));
  if (targets.some((each) => each !== undefined && !(each > 0))) return misused('--rto and --rpo are seconds above 0');
  const read = trustedIn(config);
  if (!read.ok) return read.code;
  const over = interruptible();
  const say = (line: string): void => void (values.json === true || warn(`${line}\n`));
  try {
    const drilled = await drillStore({
      cell: onlyOne(havingStore(pointCellsOf(read.config, values.cell), store)),
      ownKey: () => restorationKey(read.config),
      store,
      trust: read.trust,
      id: values.id,
      identityFile: values.identity,
      workDir: values['work-dir'],
      signal: over.signal,
      say,
      detail: (words) => void warn(`headgate-agent: ${words}\n`),
    });
    return await told(drilled, values, read.config, targets, say);
  } catch (error) {
    if (over.signal.aborted) return complain(['it was interrupted; what was brought back is gone'], EXIT.interrupted);
    const why = error instanceof ProblemError ? refusalWords(error) : (error as Error).message;
    return complain([why], EXIT.refused);
  } finally {
    over.over();
  }
}

async function told(
  { facts, bundle }: DrilledStore,
  values: Values,
  config: AgentConfig,
  [rtoMs, rpoMs]: readonly (number | undefined)[],
  say: (line: string) => void,
): Promise<number> {
  const result = judgeDrill(facts);
  if (values.json === true) printJson({ result, facts });
  else print(`${drillLines(facts).join('\n')}\n`);
  if (values.statement !== undefined) {
    await writeFile(values.statement, `${JSON.stringify(bundle)}\n`, { mode: 0o600 });
    say(`The signed statement is in ${values.statement}.`);
  }
  if (values.attach === true) {
    const client = createClient({ baseUrl: config.server, token: await readSecret(config.tokenFile) });
    // As JSON says it: what the server hashes is what was signed.
    const body = { bundle: JSON.parse(JSON.stringify(bundle)) as Record<string, unknown> };
    const { evidence } = await client.call('recordDrill', { body });
    say(`The server has it: ${evidence}`);
  }
  const late = rtoMs !== undefined && !(result.rtoMs !== undefined && result.rtoMs <= rtoMs);
  const stale = rpoMs !== undefined && !(result.rpoMs !== undefined && result.rpoMs <= rpoMs);
  if (late) complain([`it took longer than the ${values.rto} s that are allowed`], EXIT.refused);
  if (stale) complain([`more than the last ${values.rpo} s would be lost`], EXIT.refused);
  return result.ok && !late && !stale ? EXIT.ok : EXIT.refused;
}

function misused(why: unknown): number {
  return wrongUsage('drill', why, EXIT.usage);
}
