/** `headgate-agent rehearse`: a release's migrations on a copy of a store, forward, back and forward. */
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { markCopy } from '@headgate/adapters/execution/masking/copy-mark';
import { maskCopy } from '@headgate/adapters/execution/masking/mask-copy';
import { rehearseTenant } from '@headgate/adapters/execution/odoo/rehearsal/index';
import {
  type Copy,
  heavyStatements,
  type RehearsalAsk,
  type ReleaseWithFiles,
  rehearse as run,
} from '@headgate/adapters/execution/rehearsal/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { loadPrivateKey, rehearsalStatement, signingKey, signStatement } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { unexpected } from '@headgate/domain/masking/leaks';
import { tookText } from '@headgate/domain/model/duration';
import { judgeRehearsal } from '@headgate/domain/rehearsal/rehearsal';
import { loadConfig } from '../config.ts';
import { readKey, readRules } from '../mask/read-rules.ts';
import { print, printJson, warn } from '../output.ts';
import { businessOf } from '../rehearse/business.ts';
import { type LoadAsked, loadAsked, loadOf } from '../rehearse/load.ts';
import { type OpenedCopy, openCopy } from '../rehearse/open-copy.ts';
import { appliedSince, pendingOf, type RehearsedRelease, readRelease } from '../rehearse/release-files.ts';
import { rehearsalLines, storeText } from '../rehearse/words.ts';
import { complain, wrongUsage } from './command-line.ts';
import { interruptible } from './interruptible.ts';

export const REHEARSE_USAGE = `headgate-agent rehearse: runs a release's migrations on a copy of a store, forward, back and forward

  headgate-agent rehearse --release DIR --from STORE --config FILE [OPTIONS]
  headgate-agent rehearse --release DIR --database-env VAR [--name STORE] [OPTIONS]

--from STORE          a store of this agent's (--config agent.yaml): its newest restore point is restored; STORE or CELL/STORE
--database-env VAR    the environment variable with a database's URL: it is dumped; --name says what the store is called
--scratch-env VAR     the environment variable with a superuser's URL of the server for the copy. Without it a PostgreSQL of
                      our own is started for it (15 or 18)
--mask FILE           mask the copy first, by these rules
--statements FILE     the application's heaviest statements, with $1 for values; without it pg_stat_statements has them
--runner RUNNER       headgate: each file is one transaction (default); psql: each statement as it stands, CONCURRENTLY too
--stall SECONDS       how long others may wait (default 1; of Odoo's tenants, who are held meanwhile, as long as it takes)
--verification FILE   the business transactions to run on the migrated copy, of the version that serves and of this one, in
                      place of the Application's. With --from alone: the cell's configuration says how they are started
--no-business         run none
--under-load          then once more, on copies of their own: sessions carry out the business transactions with the version that
                      serves while the migrations are interrupted (their session or program ended) and tried again, as a
                      promotion would; with --from alone, and it needs room for two copies more. A tenant of Odoo is held
                      meanwhile: they must all be turned away
--sessions N          how many sessions, at least 2 (default 4); --pace MILLISECONDS between two transactions of one, at least (default 100)
--attempts N          how often a promotion tries a step, as its policy says (default 3)
--seed N              decides where it is interrupted (default: of the release's digest)
--schema-version N    of a database that has no record of ours
--lock-wait SECONDS   after which waiting for a lock ends (default 2, as in a promotion)
--statement FILE      write the statement there; with --key KEY signed
--work-dir DIR        where the copy is put (default: below the system's temporary folder); it needs room for all of it
--json                the facts as one line

The copy goes when it ends, however it ends; what a kill -9 leaves goes with the next rehearsal.
Exit codes: 0 it went well, 1 it did not (or others wait too long, or nothing was run under load that should have been),
2 wrong usage.
`;

const EXIT = { ok: 0, refused: 1, usage: 2, interrupted: 130 } as const;
/** For the whole of a restore or a dump. Milliseconds. */
const COPY_MS = 12 * 60 * 60_000;
/** How long others may wait where nobody says it. */
const STALL_MS = 1_000;
/** Tables that are read and written at once: two sessions each. */
const MOST_TABLES = 16;
/** Odoo's upgrade holds more of them. */
const MOST_TABLES_OF_ODOO = 32;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  release: text,
  from: text,
  config: text,
  'database-env': text,
  name: text,
  'scratch-env': text,
  mask: text,
  statements: text,
  runner: text,
  stall: text,
  'schema-version': text,
  'lock-wait': text,
  verification: text,
  'no-business': flag,
  'under-load': flag,
  sessions: text,
  pace: text,
  attempts: text,
  seed: text,
  statement: text,
  key: text,
  'work-dir': text,
  json: flag,
  help: flag,
} as const;

/** Runs it and answers the exit code. */
export async function rehearse(args: readonly string[]): Promise<number> {
  let values: Values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    return misused(error);
  }
  if (values.help === true) {
    print(REHEARSE_USAGE);
    return EXIT.ok;
  }
  const { release, from, config, 'database-env': databaseEnv, runner = 'headgate' } = values;
  if (release === undefined) return misused('it needs --release');
  if ((from === undefined) === (databaseEnv === undefined))
    return misused('it needs --from or --database-env, one of them');
  if (from !== undefined && config === undefined) return misused('--from needs --config');
  if (runner !== 'headgate' && runner !== 'psql') return misused('--runner is headgate or psql');
  const numbers = [values.stall ?? '0', values['lock-wait'] ?? '2', values['schema-version'] ?? '0'].map(Number);
  if (numbers.some((n) => !Number.isFinite(n) || n < 0)) return misused('a number is expected there');
  const [stallS = 0, lockWaitS = 2] = numbers;
  const load = loadAsked(values);
  if (typeof load === 'string') return misused(load);
  const over = interruptible();
  try {
    return await carryOut(values, {
      release,
      runner,
      stallMs: values.stall === undefined ? undefined : stallS * 1_000,
      lockWaitMs: lockWaitS * 1_000,
      load,
      signal: over.signal,
    });
  } catch (error) {
    if (over.signal.aborted) {
      return complain('it was interrupted; the copy is gone', EXIT.interrupted);
    }
    return complain((error as Error).message, EXIT.refused);
  } finally {
    over.over();
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

interface Asked {
  readonly release: string;
  readonly runner: 'headgate' | 'psql';
  /** As long as others may wait; undefined: nobody said. */
  readonly stallMs: number | undefined;
  readonly lockWaitMs: number;
  readonly load: LoadAsked | undefined;
  readonly signal: AbortSignal;
}

async function carryOut(values: Values, asked: Asked): Promise<number> {
  const { signal } = asked;
  const json = values.json === true;
  const say = (line: string): void => void (json || warn(`${line}\n`));
  // What can be refused at once is, before anything is copied.
  const release = await readRelease(asked.release);
  const key = values.key === undefined ? undefined : loadPrivateKey(values.key);
  if (key?.ok === false) throw new Error(`${values.key}: ${key.why}`);
  const given =
    values.statements === undefined ? undefined : await heavyStatements(await readFile(values.statements, 'utf8'));
  const read = values.config === undefined ? undefined : loadConfig(values.config);
  if (read?.ok === false) throw new Error(read.problems.join('\n'));
  const workDir = values['work-dir'] ?? join(tmpdir(), `headgate-rehearsals-${process.getuid?.() ?? 0}`);
  const business = await businessOf({
    ...{ config: read?.config, from: values.from, release, releaseDir: asked.release },
    ...{ verification: values.verification, unwanted: values['no-business'] === true, workDir, signal, say },
    underLoad: asked.load !== undefined,
  });
  say('The copy is made …');
  const opened = await openCopy({
    cells: read?.config.cells ?? [],
    from: values.from,
    databaseEnv: values['database-env'],
    name: values.name,
    scratchEnv: values['scratch-env'],
    workDir,
    deadlineMs: COPY_MS,
    signal,
  });
  // Taking its database away ends whatever is under way there.
  const gone = new Promise<void>((done) =>
    signal.addEventListener('abort', () => done(opened.remove().catch(() => {})), { once: true }),
  );
  try {
    const { copy, from } = opened;
    say(`A copy of ${storeText(from)} is there after ${tookText(copy.readyMs)}.`);
    const held = copy.schemaVersion ?? versionGiven(values);
    // A restore point may be from before migrations that production has had.
    const version = Math.max(held, opened.schemaVersion ?? held);
    const applied = appliedSince(release, held, version);
    // A tenant of Odoo's is held while it is upgraded: only logins of its own, such as a report's, can wait.
    const stallMs = asked.stallMs ?? (opened.odoo === undefined ? STALL_MS : undefined);
    const { mask: rules } = values;
    const masking = rules === undefined ? undefined : () => mask(copy, rules, say);
    const shared = { from, migrations: pendingOf(release, version), statements: statementsOf(given, opened) };
    const underLoad = asked.load === undefined ? undefined : loadOf(asked.load, release.digest);
    const common = { ...shared, now: Date.now, say, underLoad };
    const facts =
      opened.odoo === undefined
        ? await run({
            ...common,
            ...{ copy, applied, how: asked.runner, lockWaitMs: asked.lockWaitMs, mostTables: MOST_TABLES },
            maskedBy: await masking?.(),
            program: programOf(opened, release, asked, workDir),
            business: business.of === 'odoo' ? otherCell() : business.ask,
          })
        : await rehearseTenant({
            ...common,
            ...{ copy: opened.odoo.copy, cell: opened.odoo.cell, mask: masking, mostTables: MOST_TABLES_OF_ODOO },
            release: wholeRelease(release, asked),
            business: business.of === 'process' ? otherCell() : business.ask,
            bounds: { deadlineMs: COPY_MS, signal },
          });
    signal.throwIfAborted();
    const statement = rehearsalStatement(release.name.replace(' ', '@'), release.digest, facts);
    if (values.statement !== undefined) {
      const written = key === undefined ? statement : signStatement(statement, signingKey(key.privateKeyPem));
      await writeFile(values.statement, `${JSON.stringify(written)}\n`, { mode: 0o600 });
    }
    const result = judgeRehearsal(facts);
    if (json) printJson({ release: release.digest, result, facts });
    else print(`${rehearsalLines(release.name, facts, stallMs).join('\n')}\n`);
    // Whoever named the file knows where it is; of the one that `headgate rehearse --attach` sends nothing is kept.
    if (values.statement !== undefined && key === undefined)
      say(`The statement in ${values.statement} isn’t signed: --key signs it.`);
    const asAsked = asked.load === undefined || facts.underLoad !== undefined;
    if (!asAsked) say('Nothing was run under load, although that was asked for: see what was not looked at.');
    const { longestStallMs } = result;
    const short = stallMs === undefined || (longestStallMs !== undefined && longestStallMs <= stallMs);
    return asAsked && result.ok && short ? EXIT.ok : EXIT.refused;
  } finally {
    if (signal.aborted) await gone;
    else await opened.remove();
  }
}

function versionGiven(values: Values): number {
  const given = values['schema-version'];
  if (given === undefined)
    throw new Error(
      'the database has no record of its schema’s version: say it (--schema-version N, 0 before the first)',
    );
  return Number(given);
}

function statementsOf(given: readonly string[] | undefined, { heaviest }: OpenedCopy): RehearsalAsk['statements'] {
  if (given !== undefined) return { source: 'file', texts: given };
  return heaviest === undefined ? { source: 'none', texts: [] } : { source: 'pg_stat_statements', texts: heaviest };
}

/** What migrates the store; undefined: SQL does. */
function programOf(
  { migrations, node }: OpenedCopy,
  release: RehearsedRelease,
  asked: Asked,
  workDir: string,
): RehearsalAsk['program'] {
  if (migrations === undefined) return undefined;
  return {
    migrations,
    node: node ?? process.execPath,
    release: wholeRelease(release, asked),
    workDir,
    signal: asked.signal,
  };
}

/** A release among whose files a program runs. */
function wholeRelease({ whole, name }: RehearsedRelease, { runner }: Asked): ReleaseWithFiles {
  if (runner === 'psql') throw new Error('--runner psql is for SQL, and this store is migrated by a program');
  if (whole === undefined)
    throw new Error(
      `the program runs among the files of ${name}, and those aren't there: use headgate rehearse RELEASE --from STORE --config FILE, which lays a release out`,
    );
  return whole;
}

function otherCell(): never {
  throw new Error('the business transactions are those of another cell than the copy');
}

/** Masks the copy, and answers by which rules. Throws when it isn't masked afterwards. */
async function mask({ store, origin }: Copy, file: string, say: (line: string) => void): Promise<Digest> {
  const rules = await readRules(file);
  const { content, digest } = rules;
  say('The copy is masked …');
  const database = await store.cluster.controlConnection(store.database);
  const marked = await withClient(database, (client) => markCopy(client, origin.of));
  if (!marked.ok) throw new Error(`the copy can't be masked: ${marked.refusal.why}`);
  const outcome = await maskCopy({
    database,
    connections: 2,
    rules: content.spec.rules,
    expected: content.spec.leakScan?.expected ?? [],
    digest,
    keys: await readKey(file, content),
  });
  if (!outcome.ok) throw new Error(outcome.refusals.map((refusal) => rules.tell(refusal)).join('\n'));
  const left = 'report' in outcome ? unexpected(outcome.report.leakScan.places).length : 0;
  if (left > 0)
    throw new Error(
      `originals are left in ${left} places of the copy: add rules (headgate mask scan --database-env VAR says where)`,
    );
  return digest;
}

function misused(why: unknown): number {
  return wrongUsage('rehearse', why, EXIT.usage);
}
