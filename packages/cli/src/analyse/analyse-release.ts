/** The migrations of a release, analysed as Headgate will run them; signed, the findings are evidence of the release. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type AnalysisContent,
  analysisStatement,
  canonicalBytes,
  digestOf,
  readManifest,
  signStatement,
} from '@headgate/documents';
import { type Catalogue, type FileReport, type MigrationFile, uriOf } from '@headgate/migrations';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { layOutRelease } from '../releases/lay-out-release.ts';
import { localKey } from '../releases/local-key.ts';
import { findCatalogue } from './find-catalogue.ts';
import { type AnalysisOptions, analysed } from './run-analysis.ts';

type Manifest = Extract<ReturnType<typeof readManifest>, { readonly ok: true }>['manifest'];
type Migration = Manifest['migrations'][number];

export interface ReleaseAnalysisOptions extends AnalysisOptions {
  readonly of?: string;
  readonly schemaVersion?: string;
  readonly key?: string;
  readonly statement?: string;
  readonly attach?: boolean;
}

/** Analyses what a release would still run, and answers with the exit code: refused when anything is dangerous. */
export async function analyseRelease(
  text: string,
  options: ReleaseAnalysisOptions,
  session: Pick<Session, 'out' | 'env' | 'cwd' | 'client'>,
): Promise<number> {
  const { out, env, cwd } = session;
  const key = options.key === undefined ? undefined : localKey(resolve(cwd, options.key));
  const catalogue = await findCatalogue(options, { env, cwd });
  if (key !== undefined && catalogue !== undefined && !options.of)
    throw new Failure(EXIT.usage, 'usage', '--of: say whose schema and sizes these are (production, or cell/store)');
  const laid = await layOutRelease(text, session);
  try {
    const read = readManifest(await readFile(join(laid.dir, 'manifest.json')));
    if (!read.ok) throw new Failure(EXIT.refused, read.code, read.why, read.unblock);
    const { manifest } = read;
    const from = versionBefore(options, catalogue);
    const pending = pendingOf(manifest, from);
    if (pending.length === 0) {
      out.answer(
        { release: laid.digest, migrations: 0 },
        `Nothing to analyse: the schema is at version ${from} already.`,
      );
      return EXIT.ok;
    }
    const files = await namedFiles(laid.dir, pending);
    const { report, sarif } = await analysed(files, catalogue, options, { out, cwd }, join(laid.dir, 'named'));
    if (key !== undefined) {
      const content: AnalysisContent = {
        at: Date.now(),
        stallMs: options.stallMs,
        schema: { from, to: pending.at(-1)?.to ?? from },
        ...(catalogue === undefined ? {} : { catalogue: judgedWith(catalogue, options.of ?? '') }),
        migrations: pending.map((each, i) => analysedMigration(each, report.files[i] as FileReport)),
        sarif,
      };
      const name = `${manifest.application}@${manifest.version}`;
      const bundle = signStatement(analysisStatement(name, laid.digest, content), key) as unknown as Record<
        string,
        unknown
      >;
      if (options.statement !== undefined)
        await writeFile(resolve(cwd, options.statement), `${JSON.stringify(bundle)}\n`, { mode: 0o600 });
      // Of a bad one, too: what was found counts, whatever it was.
      if (options.attach === true) {
        const attached = await session.client.call('attachEvidence', { body: { bundle } });
        out.line(`Attached ${attached.digest} to ${attached.subject}.`);
      }
    }
    return report.dangerous ? EXIT.refused : EXIT.ok;
  } finally {
    await laid.remove();
  }
}

/** Where the schema stands before: as it is said, or as Headgate's own record in the database says. */
function versionBefore({ schemaVersion }: ReleaseAnalysisOptions, catalogue: Catalogue | undefined): number {
  const version = schemaVersion === undefined ? catalogue?.schemaVersion : Number(schemaVersion);
  if (version === undefined)
    throw new Failure(
      EXIT.usage,
      'usage',
      'which version the schema is at isn’t known: the catalogue has no record of it',
      'say --schema-version N (0: before the first migration)',
    );
  if (!Number.isSafeInteger(version) || version < 0)
    throw new Failure(EXIT.usage, 'usage', `--schema-version ${schemaVersion}: expected a whole number`);
  return version;
}

function pendingOf({ migrations }: Manifest, from: number): readonly Migration[] {
  const pending = migrations.filter(({ to }) => to > from).sort((a, b) => a.from - b.from);
  const [first] = pending;
  if (first !== undefined && first.from !== from)
    throw new Failure(
      EXIT.refused,
      'migration-gap',
      `the schema is at version ${from}, and what the release runs then begins at ${first.from}`,
      'analyse the release before it first',
    );
  const program = pending.find(({ up }) => !up.name.endsWith('.sql'));
  if (program !== undefined)
    throw new Failure(
      EXIT.refused,
      'not-sql',
      `migration ${program.id} is no SQL (${program.up.name}): what a program does can’t be read`,
      'rehearse it on a copy: headgate rehearse RELEASE --from STORE --config FILE',
    );
  return pending;
}

/** The files under their own names, for a second tool to read; two of one name would be told as one. */
async function namedFiles(dir: string, pending: readonly Migration[]): Promise<readonly MigrationFile[]> {
  const files: MigrationFile[] = [];
  const names = new Set<string>();
  for (const { id, up } of pending) {
    if (names.has(up.name))
      throw new Failure(EXIT.refused, 'same-name', `two migrations are in a file ${up.name}, the second is ${id}`);
    names.add(up.name);
    const bytes = await readFile(join(dir, 'files', up.digest.slice('sha256:'.length)));
    const path = join(dir, 'named', up.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    files.push({ name: up.name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) });
  }
  return files;
}

function judgedWith(catalogue: Catalogue, of: string): NonNullable<AnalysisContent['catalogue']> {
  const { server, readAt, relations } = catalogue;
  const tables = relations.filter(({ kind }) => kind === 'table' || kind === 'partitioned').length;
  const digest = digestOf(canonicalBytes(catalogue));
  return { of, digest, server, tables, ...(readAt === undefined ? {} : { readAt }) };
}

function analysedMigration({ id, from, to, up }: Migration, { file, phase, undo, statements }: FileReport) {
  const certain = statements.flatMap(({ effects }) =>
    (effects?.breaks ?? []).filter(({ certainty }) => certainty === 'certain'),
  );
  const removes = [...new Set(certain.map((each) => each.removes ?? each.what))];
  return { id, from, to, uri: uriOf(file), digest: up.digest, phase, undo, removes };
}
