import { API_VERSION } from '@headgate/domain';
import type { z } from 'zod';
import { digestOfJson } from '../digest.ts';
import { quoted, type Refused, refuse } from '../refusal.ts';
import { didYouMean } from '../schema/nearest.ts';
import { dotted, MAX_PROBLEMS, type Path, type Problem, problemsOf } from '../schema/problems.ts';
import { toCurrent } from '../versions/conversions.ts';
import { type DocumentProblem, placeOfProblem, problemAt, readYaml } from '../yaml/read-yaml.ts';
import { type AnyContent, KIND_NAMES, type KindName, kindNamed } from './catalog.ts';
import type { Parsed } from './document.ts';

export type AnyDocument = Parsed<AnyContent>;

export type ParsedDocuments =
  | { readonly ok: true; readonly documents: readonly AnyDocument[] }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/**
 * Reads a YAML file of declared documents. All or nothing: one problem anywhere, and there are no documents. At most 20
 * problems are told, in the order of lines. Never throws on what comes from outside.
 */
export function parseDocuments(text: string, { file }: { readonly file: string }): ParsedDocuments {
  const read = readYaml(text, file);
  if (!read.ok) return read;
  const documents: AnyDocument[] = [];
  const problems: DocumentProblem[] = [];
  const first = new Map<string, AnyDocument>();
  for (const yaml of read.documents) {
    const checked = checkContent(yaml.value);
    if (!checked.ok) {
      problems.push(...checked.problems.map((problem) => problemAt(placeOfProblem(yaml, problem), problem)));
      if (problems.length >= MAX_PROBLEMS) break;
      continue;
    }
    const { content } = checked;
    const document: AnyDocument = {
      content,
      digest: digestOfJson(content),
      place: yaml.placeOf([]),
      placeOf: (path) => yaml.placeOf(path),
    };
    const same = first.get(identityOf(content));
    if (same !== undefined) {
      const found = `${content.kind} "${content.metadata.name}" again, after line ${same.place.line}`;
      problems.push(
        problemAt(yaml.placeOf(['metadata', 'name']), {
          path: ['metadata', 'name'],
          expected: 'each document once',
          found,
        }),
      );
    }
    first.set(identityOf(content), same ?? document);
    documents.push(document);
  }
  if (problems.length === 0) return { ok: true, documents };
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, problems: problems.slice(0, MAX_PROBLEMS) };
}

/** What a document is known by: kind and name; a tenant's name is unique only within its cell. */
export function identityOf(content: AnyContent): string {
  const { name } = content.metadata;
  return content.kind === 'Tenant' ? `Tenant/${content.spec.cell}/${name}` : `${content.kind}/${name}`;
}

/**
 * Reads a stored document again, as an agent does that fetched it by digest; with `kind`, only one of that kind. The
 * digest is the caller's to compare with the one that it asked for.
 */
export function readDocument<K extends KindName = KindName>(
  value: unknown,
  kind?: K,
): { readonly ok: true; readonly content: Extract<AnyContent, { kind: K }> } | Refused<'document-malformed'> {
  const checked = checkContent(value);
  if (checked.ok && (kind === undefined || checked.content.kind === kind)) {
    return { ok: true, content: checked.content as Extract<AnyContent, { kind: K }> };
  }
  const problems = checked.ok
    ? [{ path: ['kind'], expected: `"${kind}"`, found: `"${checked.content.kind}"` }]
    : checked.problems;
  const why = problems.map(
    (p: Problem) =>
      `${dotted(p.path) || 'document'}: expected ${p.expected}${p.found === undefined ? '' : `, found ${p.found}`}`,
  );
  return refuse('document-malformed', kind === undefined ? 'document' : `${kind} document`, why.join('; '), {
    where: dotted(problems[0]?.path ?? []),
    unblock: 'correct the document and apply it again',
  });
}

type Checked =
  | { readonly ok: true; readonly content: AnyContent }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function checkContent(value: unknown): Checked {
  const wrong = (path: Path, expected: string, found: string): Checked => ({
    ok: false,
    problems: [{ path, expected, found }],
  });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong([], `a document with apiVersion: ${API_VERSION}, kind, metadata and spec`, quoted(value));
  }
  const current = toCurrent(value);
  if (!current.ok) return { ok: false, problems: [current.problem] };
  const { kind: name } = current.value as { kind?: unknown };
  const kind = kindNamed(name);
  if (kind === undefined) {
    const near = typeof name === 'string' ? didYouMean(name, KIND_NAMES) : '';
    return wrong(['kind'], `one of ${KIND_NAMES.join(', ')}`, `${quoted(name)}${near}`);
  }
  const schema = kind.document as z.ZodType<AnyContent>;
  const parsed = schema.safeParse(current.value);
  if (parsed.success) return { ok: true, content: parsed.data };
  return { ok: false, problems: problemsOf(parsed.error, current.value, schema) };
}
