/** `headgate-agent mask`: people's data in a restored copy becomes made up, and is looked for afterwards. */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { clientConfig, readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { copyFacts, markCopy } from '@headgate/adapters/execution/masking/copy-mark';
import { type MaskingReport, maskCopy, previewMasking } from '@headgate/adapters/execution/masking/mask-copy';
import { sampleColumns } from '@headgate/adapters/execution/masking/sample-columns';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { visibleJson } from '@headgate/contract';
import { loadPrivateKey, maskingStatement, signingKey, signMasking } from '@headgate/documents';
import { copyMayBeAttached } from '@headgate/domain/masking/copy';
import { unexpected } from '@headgate/domain/masking/leaks';
import { proposeRules } from '@headgate/domain/masking/propose';
import { proposalDocument } from '../mask/proposal-document.ts';
import { readKey, readRules } from '../mask/read-rules.ts';
import { planLines, progressLine, reportLines, statusLines } from '../mask/words.ts';
import { writeNew } from '../out-file.ts';
import { print, printJson } from '../output.ts';
import { complain, wrongUsage } from './command-line.ts';

export const MASK_USAGE = `headgate-agent mask: makes up people's data in a restored copy

  headgate-agent mask --database-env VAR --rules FILE [--plan] [--statement FILE [--key FILE]] [--connections N] [--json]
  headgate-agent mask scan --database-env VAR [--name NAME] [--out FILE]
  headgate-agent mask status --database-env VAR [--json]
  headgate-agent mask mark-copy --database-env VAR --of WHAT --database NAME

mask       masks the copy by the rules, checks every key, and looks for originals that are left. Killed in the middle and
           run again, it goes on. --plan says what would be done, and changes nothing
scan       proposes rules from columns' names, types and sampled values, for a person to edit. Changes nothing, and prints
           no value. It may look at any database
status     says what a copy is, and whether it may be attached where masked copies are asked for (else exit code 1)
mark-copy  marks a database that you restored yourself as a copy, so that it can be masked. NAME is its own name, said
           once more. Not on a database that anybody uses

VAR is an environment variable with a URL, postgres://user:password@host:port/database: no password stands on a command line.
Exit codes: 0 done, 1 refused, failed or originals found, 2 wrong usage.
`;

const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** Runs it and answers the exit code. */
export async function mask(args: readonly string[]): Promise<number> {
  let read: ReturnType<typeof readArguments>;
  try {
    read = readArguments(args);
  } catch (error) {
    return wrongUsage('mask', error, EXIT.usage);
  }
  const { values, positionals } = read;
  const [command] = positionals;
  if (values.help === true) {
    print(MASK_USAGE);
    return EXIT.ok;
  }
  const needs = command === undefined ? ['rules'] : command === 'mark-copy' ? ['of', 'database'] : [];
  const missing = ['database-env', ...needs].filter((name) => values[name as keyof typeof values] === undefined);
  const unknown =
    positionals.length > 1 || (command !== undefined && !['scan', 'status', 'mark-copy'].includes(command));
  const connections = Number(values.connections ?? 2);
  if (missing.length > 0 || unknown || !Number.isInteger(connections) || connections < 1 || connections > 16) {
    const lacks = `it needs ${missing.map((each) => `--${each}`).join(', ')}`;
    const strange = `it is scan, status, mark-copy, or none of them, and was given ${positionals.join(' ')}`;
    const why = unknown ? strange : missing.length > 0 ? lacks : '--connections takes a number from 1 to 16';
    return wrongUsage('mask', why, EXIT.usage);
  }
  try {
    const database = clientConfig(await readConnectionUrl({ variable: values['database-env']! }));
    if (command === 'scan') return await scan(database, values.name ?? 'proposal', values.out);
    if (command === 'status') return await status(database, values.json === true);
    if (command === 'mark-copy') return await mark(database, values.of!, values.database!);
    return await run(database, values, connections);
  } catch (error) {
    return complain((error as Error).message, EXIT.refused);
  }
}

function readArguments(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'database-env': text,
      rules: text,
      plan: flag,
      statement: text,
      key: text,
      connections: text,
      json: flag,
      name: text,
      out: text,
      of: text,
      database: text,
      help: flag,
    },
  });
}

type Database = ReturnType<typeof clientConfig>;
type Values = ReturnType<typeof readArguments>['values'];

async function run(database: Database, values: Values, connections: number): Promise<number> {
  const file = values.rules!;
  const json = values.json === true;
  const rules = await readRules(file);
  const { content, digest } = rules;
  const say = (line: string): void => void (json || print(`${line}\n`));
  const answer = (value: unknown): void => void (json && printJson(value));
  const refuse = (refusals: Parameters<typeof rules.tell>[0][]): number => {
    for (const refusal of refusals) complain(rules.tell(refusal), EXIT.refused);
    answer({ ok: false, refusals });
    return EXIT.refused;
  };
  if (values.plan === true) {
    const preview = await previewMasking({ database, rules: content.spec.rules });
    if (!preview.ok) return refuse([...preview.refusals]);
    for (const line of planLines(preview.plan, preview.mark)) say(line);
    answer({ ok: true, rules: digest, plan: preview.plan });
    return EXIT.ok;
  }
  const key = values.key === undefined ? undefined : loadPrivateKey(values.key);
  if (key?.ok === false) return refuse([key]);
  const outcome = await maskCopy({
    database,
    connections,
    rules: content.spec.rules,
    expected: content.spec.leakScan?.expected ?? [],
    digest,
    keys: await readKey(file, content),
    say: (told) => say(progressLine(told)),
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n  the copy is not masked; run the same again, and it goes on where it stopped`);
  });
  if (!outcome.ok) return refuse([...outcome.refusals]);
  if ('already' in outcome) {
    say(`It is masked by these rules already (${digest}); nothing was done.`);
    answer({ ok: true, rules: digest, already: outcome.already });
    return (outcome.already.leaks ?? 0) === 0 ? EXIT.ok : EXIT.refused;
  }
  const { report } = outcome;
  for (const line of reportLines(report)) say(line);
  if (values.statement !== undefined) {
    const of = { name: content.metadata.name, digest };
    const facts = factsOf(report);
    const written =
      key === undefined ? maskingStatement(of, facts) : signMasking(of, facts, signingKey(key.privateKeyPem));
    await writeFile(values.statement, `${JSON.stringify(written)}\n`);
    say(`The ${key === undefined ? 'statement, not signed,' : 'signed statement'} is in ${values.statement}.`);
  }
  answer({ ok: true, rules: digest, report });
  return unexpected(report.leakScan.places).length === 0 ? EXIT.ok : EXIT.refused;
}

/** Columns that a statement names at most. */
const MOST_UNREAD = 10_000;

function factsOf({ of, tables, foreignKeys, leakScan }: MaskingReport): Parameters<typeof maskingStatement>[1] {
  const own = tables.map(({ table, rows, columns }) => ({ table, rows, columns: [...columns] }));
  const { unread, places } = leakScan;
  return {
    copyOf: of,
    at: Date.now(),
    tables: own,
    foreignKeys,
    leakScan: {
      ...leakScan,
      places: [...places],
      unread: { ...unread, columns: unread.columns.slice(0, MOST_UNREAD) },
    },
  };
}

async function scan(database: Database, name: string, out: string | undefined): Promise<number> {
  const sampled = await withClient(database, (client) => sampleColumns(client));
  const document = proposalDocument(name, proposeRules(sampled));
  if (out === undefined) print(document);
  else {
    await writeNew(out, document);
    print(`Proposed rules are in ${out}: read them, correct them, and check them in.\n`);
  }
  return EXIT.ok;
}

async function status(database: Database, json: boolean): Promise<number> {
  const facts = await withClient(database, copyFacts);
  const verdict = copyMayBeAttached(facts, { maskedCopies: 'required' });
  print(
    json ? `${visibleJson({ ...facts, mayBeAttached: verdict })}\n` : `${statusLines(facts, verdict).join('\n')}\n`,
  );
  return verdict.ok ? EXIT.ok : EXIT.refused;
}

async function mark(database: Database, of: string, name: string): Promise<number> {
  if (name !== database.database)
    return complain(
      `--database says ${name}, and the URL leads to ${database.database}: nothing was done`,
      EXIT.refused,
    );
  const marked = await withClient(database, (client) => markCopy(client, of));
  if (!marked.ok) {
    const { what, where, why, unblock } = marked.refusal;
    return complain(`${what} (${where}) was refused: ${why}\n  to unblock: ${unblock}`, EXIT.refused);
  }
  print(`${name} is marked as a copy of ${of}.\n`);
  return EXIT.ok;
}
