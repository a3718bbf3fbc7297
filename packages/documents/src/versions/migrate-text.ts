/** YAML files of older documents, rewritten in today's form: only what changed is written anew, comments stay. */
import { type Document, isNode, isScalar, parseAllDocuments } from 'yaml';
import { type DocumentProblem, problemAt, readYaml } from '../yaml/read-yaml.ts';
import { toCurrent } from './conversions.ts';

export type Migrated =
  | {
      readonly ok: true;
      readonly text: string;
      /** Why, one line a change; empty when the file is as it should be. */
      readonly changes: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** Rewrites a file's text. Never throws on what comes from outside. */
export function migrateText(text: string, file: string): Migrated {
  const read = readYaml(text, file);
  if (!read.ok) return read;
  const changes: string[] = [];
  const after: unknown[] = [];
  for (const yaml of read.documents) {
    const converted = toCurrent(yaml.value);
    if (!converted.ok)
      return { ok: false, problems: [problemAt(yaml.placeOf(converted.problem.path), converted.problem)] };
    after.push(converted.value);
    const { line } = yaml.placeOf([]);
    if (converted.value !== yaml.value)
      changes.push(...['apiVersion', ...converted.changes].map((what) => `line ${line}: ${what}`));
  }
  if (changes.length === 0) return { ok: true, text, changes };
  // The same parser that read it, this time for writing; what is empty between two separators is no document.
  const documents = parseAllDocuments(text, { schema: 'core', keepSourceTokens: false }) as Document[];
  let i = 0;
  for (const document of documents) {
    const before: unknown = document.toJS({ maxAliasCount: 0 });
    if (before === null) continue;
    change(document, [], before, after[i]);
    i += 1;
  }
  const written = documents.map((each) => each.toString({ lineWidth: 0, flowCollectionPadding: false })).join('');
  return { ok: true, text: written, changes };
}

type Path = readonly (string | number)[];

/** Writes what differs, as deep down as it can. */
function change(document: Document, path: Path, before: unknown, after: unknown): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  if (isMapping(before) && isMapping(after)) {
    for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) document.deleteIn([...path, key]);
    for (const key of Object.keys(after)) change(document, [...path, key], before[key], after[key]);
  } else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    after.forEach((each, i) => {
      change(document, [...path, i], before[i], each);
    });
  } else put(document, path, after);
}

function put(document: Document, path: Path, value: unknown): void {
  const old: unknown = document.getIn(path, true);
  const node = document.createNode(value);
  // A value in the place of another takes over what was said about it.
  if (isNode(old)) {
    node.commentBefore = old.commentBefore ?? null;
    node.comment = old.comment ?? null;
    if (isScalar(old) && isScalar(node)) {
      old.value = node.value;
      return;
    }
  }
  document.setIn(path, node);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
