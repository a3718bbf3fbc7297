import { visible, visibleJson } from '@headgate/contract';
import { documentYaml } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { type FoundDocument, findDocument, kindOf, REFERENCE } from '../documents/document-ref.ts';
import { lineDiff, shownDiff } from '../documents/line-diff.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable, shortDigest, table } from '../output.ts';
import { everything, limitOf } from '../paging.ts';

/** So many earlier declarations are told; with --json all that the server tells. */
const MOST_EARLIER = 5;

interface ListOptions {
  readonly kind?: string;
  readonly limit?: string;
}

/** Declared documents: list, show, and what changed between two of them. */
export const document: Install = (program, act) => {
  const group = program.command('document').description('declared documents: list and show them, and what changed');
  group
    .command('list')
    .description('what is declared, in the order of kind and name')
    .option('--kind <kind>', 'of this kind alone: Policy, Application …')
    .option('--limit <n>', 'so many at most; default: all')
    .action(
      act(async ({ client, out }, { kind, limit: most }: ListOptions) => {
        const limit = limitOf(most);
        const only = kind === undefined ? {} : { kind: kindOf(kind) };
        const items = await everything(
          (page) => client.call('listDocuments', { limit: Math.min(200, limit ?? 200), ...only, ...page }),
          limit,
        );
        const rows = items.map((each) => [each.kind, each.name, each.owner, shortDigest(each.digest)]);
        out.answer({ items }, table(['KIND', 'NAME', 'OWNER', 'DIGEST'], rows));
        return EXIT.ok;
      }),
    );
  group
    .command('show <document> [name]')
    .description(`one document as YAML, as headgate apply -f - takes it, and who declared it when: ${REFERENCE}`)
    .action(
      act(async ({ client, out }, reference: string, name: string | undefined) => {
        const found = await findDocument(client, name === undefined ? reference : `${reference}/${name}`);
        out.answer(found, shownText(found));
        return EXIT.ok;
      }),
    );
  group
    .command('diff <before> [after]')
    .description(`what changed from one document to another, or, of a declared one alone, lately: each ${REFERENCE}`)
    .action(
      act(async ({ client, out }, from: string, to: string | undefined) => {
        const [before, after] = await bothOf(client, from, to);
        const lines = lineDiff(linesOf(before), linesOf(after));
        const changes = lines.filter(({ op }) => op !== ' ').length;
        const shown = changes === 0 ? ['nothing: they are the same'] : shownDiff(lines);
        const names = [`--- ${titleOf(before)}`, `+++ ${titleOf(after)}`].map(printable);
        const told = ({ kind, name, digest }: FoundDocument) => ({ kind, name, digest });
        out.answer({ before: told(before), after: told(after), lines }, [...names, ...shown].join('\n'));
        return EXIT.ok;
      }),
    );
};

/** What is compared: two documents, or one with what it was before. */
async function bothOf(
  client: Session['client'],
  from: string,
  to: string | undefined,
): Promise<readonly [FoundDocument, FoundDocument]> {
  const first = await findDocument(client, from);
  if (to !== undefined) return [first, await findDocument(client, to)];
  const earlier = first.history?.find(({ digest }) => digest !== first.digest);
  if (earlier !== undefined) return [await findDocument(client, earlier.digest), first];
  const why = first.history === undefined ? 'is told without what it was before' : 'was never declared otherwise';
  throw new Failure(
    EXIT.notFound,
    'not-found',
    `${from} ${why}`,
    `name what to compare: headgate document diff ${from} DIGEST`,
  );
}

function titleOf({ kind, name, digest }: FoundDocument): string {
  return `${kind}/${name} ${digest}`;
}

/** YAML; where it would show something that can't be seen, JSON, which is YAML too and spells that out. */
function textOf({ content }: FoundDocument): string {
  const yaml = documentYaml(content);
  return visible(yaml) === yaml ? yaml : `${visibleJson(content)}\n`;
}

function linesOf(found: FoundDocument): readonly string[] {
  return textOf(found).trimEnd().split('\n');
}

/** What is known of it stands in comments: the whole can be applied as it is. */
function shownText(found: FoundDocument): string {
  const { kind, name, owner, digest, history = [] } = found;
  const [now, ...earlier] = history;
  const told = [
    `${kind}/${name}, of ${owner}`,
    `digest    ${digest}`,
    ...(now === undefined ? [] : [`declared  by ${now.by} at ${instant(now.at)}`]),
    ...earlier.slice(0, MOST_EARLIER).map((each) => `before    ${each.digest} by ${each.by} at ${instant(each.at)}`),
    ...(earlier.length === 0 ? [] : [`what changed: headgate document diff ${kind}/${name}`]),
  ];
  return [...told.map((line) => printable(`# ${line}`)), textOf(found)].join('\n');
}
