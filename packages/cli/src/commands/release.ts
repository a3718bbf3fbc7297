import { resolve } from 'node:path';
import type { Release } from '@headgate/contract';
import type { Install } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printableLines, shortDigest, table, warningLine } from '../output.ts';
import { everything, limitOf } from '../paging.ts';
import { calledTheSameText, createRelease } from '../releases/create-release.ts';
import { localKey } from '../releases/local-key.ts';
import { resolveRelease } from '../releases/resolve-release.ts';

interface CreateOptions {
  readonly key: string;
  readonly version?: string;
  readonly author?: readonly string[];
  readonly sameVersion?: true;
}

interface ListOptions {
  readonly application?: string;
  readonly oldestFirst?: true;
  readonly limit?: string;
}

/** A version is what people type; the digest is what counts. */
const OTHER_VERSION =
  'give this one another version (--version, or in package.json or release.yaml); if it is meant, say --same-version';

/** Releases: create, list, show. */
export const release: Install = (program, act) => {
  const group = program.command('release').description('create, list and show releases');
  group
    .command('create <folder>')
    .description(
      'seal the release in a folder (release.yaml or headgate.yaml beside its files), upload and register it',
    )
    .requiredOption('--key <file>', 'the key to sign with: a PEM file of mode 0600')
    .option('--version <version>', 'with headgate.yaml: default package.json’s, else what Git describes')
    .option('--author <id...>', 'with headgate.yaml: who made the change, and may not approve it; default: you')
    .option(
      '--same-version',
      'also when another release has this version: the two are told apart by their digests alone',
    )
    .action(
      act(async ({ client, out, cwd }, folder: string, options: CreateOptions) => {
        const facts = {
          version: options.version,
          authors: options.author,
          warned: (words: string) => out.line(warningLine(words)),
          calledTheSame: (earlier: Release) => {
            if (options.sameVersion === true) out.line(warningLine(calledTheSameText(earlier)));
            else throw new Failure(EXIT.refused, 'version-taken', calledTheSameText(earlier), OTHER_VERSION);
          },
        };
        const created = await createRelease(client, localKey(resolve(cwd, options.key)), resolve(cwd, folder), facts);
        const { application, ref } = created;
        out.answer(created, `${application} ${ref.version} is registered: ${ref.digest}`);
        return EXIT.ok;
      }),
    );
  group
    .command('list')
    .description('releases, the newest first')
    .option('--application <name>', 'of this application alone')
    .option('--oldest-first', 'the other way round')
    .option('--limit <n>', 'so many at most; default: all')
    .action(
      act(async ({ client, out }, { application, oldestFirst, limit: most }: ListOptions) => {
        const limit = limitOf(most);
        const filter = {
          ...(application !== undefined && { application }),
          ...(oldestFirst && { order: 'asc' as const }),
        };
        const items = await everything(
          (page) => client.call('listReleases', { limit: Math.min(200, limit ?? 200), ...filter, ...page }),
          limit,
        );
        if (items.length === 0) await declaredOrNot(client, 'Application', application);
        const rows = items.map((r) => [
          r.application,
          r.ref.version,
          shortDigest(r.ref.digest),
          r.origin,
          String(r.evidence.length),
          instant(r.registeredAt),
        ]);
        out.answer({ items }, table(['APPLICATION', 'VERSION', 'DIGEST', 'ORIGIN', 'EVIDENCE', 'REGISTERED'], rows));
        return EXIT.ok;
      }),
    );
  group
    .command('show <release>')
    .description('one release, by digest (or its beginning), version, or application@version')
    .action(
      act(async ({ client, out }, text: string) => {
        const found = await resolveRelease(client, text);
        out.answer(found, shown(found));
        return EXIT.ok;
      }),
    );
};

function shown(release: Release): string {
  const { application, ref, origin, signature, authors, evidence, promoted, notes } = release;
  const lines = [
    `${application} ${ref.version}`,
    `  digest     ${ref.digest}`,
    `  origin     ${origin}`,
    `  signature  ${signature === null ? 'none (adopted)' : `by key ${signature.keyId}`}`,
    `  authors    ${authors.join(', ')}`,
    ...evidence.map((each) => `  evidence   ${evidenceText(each)}`),
    ...promoted.map(({ environment, at }) => `  promoted   to ${environment} at ${instant(at)}`),
    `  notes      ${notes}`,
  ];
  return lines.join('\n');
}

type Shown = Release['evidence'][number];
type RollbackShown = NonNullable<Shown['rollbackRehearsal']>;

function analysisText({ at, catalogue, migrations, found, told }: NonNullable<Shown['analysis']>): string {
  const count = (level: string): number =>
    found.reduce((sum, each) => (each.level === level ? sum + each.count : sum), 0);
  const sizes = catalogue === undefined ? 'without sizes' : `with the sizes of ${catalogue.of}`;
  const lines = told.map(
    ({ file, line, level, why, rule, safeWay }) =>
      `\n               ${level === 'error' ? 'DANGER ' : 'look at'}  ${file}:${line}  ${why} (${rule})${safeWay === '' ? '' : `\n                        instead  ${printableLines(safeWay, '                                   ')}`}`,
  );
  return `analysis of ${migrations.length} migrations ${sizes} at ${instant(at)}: ${count('error')} dangerous, ${count('warning')} to look at${lines.join('')}`;
}

function rollbackText({
  environment,
  promotion,
  at,
  ok,
  because,
  missing,
  backMs,
  longestOutageMs,
}: RollbackShown): string {
  const back = backMs === undefined ? '' : `, back within ${backMs} ms`;
  const out = longestOutageMs === undefined ? '' : `, at most ${longestOutageMs} ms without a good answer`;
  const came = ok ? `it went well${back}${out}` : `it did not go well: ${[...because, ...missing].join('; ')}`;
  return `rehearsal of its rollback in ${environment} at ${instant(at)} (${promotion}): ${came}`;
}

function evidenceText({ predicateType, result, rehearsal, rollbackRehearsal, analysis }: Shown): string {
  if (result !== undefined)
    return `${predicateType}: ${result.passed} passed, ${result.failed} failed, exit ${result.exitCode}`;
  if (analysis !== undefined) return analysisText(analysis);
  if (rollbackRehearsal !== undefined) return rollbackText(rollbackRehearsal);
  if (rehearsal === undefined) return predicateType;
  const { environment, cell, store, at, ok, longestStallMs, because, business } = rehearsal;
  const of = [environment, cell, store].filter((each) => each !== undefined).join('/');
  const felt = longestStallMs === undefined ? '' : `, others waited for at most ${longestStallMs} ms`;
  const whose = [...(business?.old ?? []), ...(business?.new === true ? ['its own'] : [])];
  const by = business?.verification === undefined ? '' : ` of ${business.verification.name}`;
  const done = whose.length === 0 ? '' : `, with business transactions${by} (${whose.join(', ')})`;
  return `rehearsal on a copy of ${of} at ${instant(at)}: ${ok ? `it went well${felt}${done}` : `it did not go well: ${because.join('; ')}`}`;
}
