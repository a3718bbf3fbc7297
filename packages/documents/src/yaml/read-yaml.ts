/**
 * YAML 1.2 from outside, made harmless: bounded size, plain data only (no aliases, anchors' copies, tags or odd keys),
 * and every value can be found again by line and column. Dates stay text: the core schema knows no time stamps.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from 'yaml';
import { canonicalJson, NotCanonical } from '../canonical.ts';
import { quoted } from '../refusal.ts';
import { dotted, MAX_PROBLEMS, type Path, type Problem } from '../schema/problems.ts';
import { placeOfUnkept, UNKEPT } from '../words/unkept.ts';

/** Largest file, in bytes. */
export const MAX_YAML_BYTES = 2 * 1024 * 1024;
/** Most documents in a file. */
export const MAX_YAML_DOCUMENTS = 10_000;

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** What is wrong in a file, where, and what was expected. `message` is the whole sentence with its place. */
export interface DocumentProblem extends Place {
  /** `spec.gates[1].params.minimum`; empty for the document itself. */
  readonly pointer: string;
  readonly expected: string;
  readonly message: string;
}

/** One document of a file, as plain data. */
export interface YamlDocument {
  readonly value: unknown;
  /** Where a value stands, or the mapping that lacks it. */
  placeOf(path: Path): Place;
  /** Where the key of a value stands. */
  placeOfKey(path: Path): Place;
}

export type ReadYaml =
  | { readonly ok: true; readonly documents: readonly YamlDocument[] }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** Reads all documents of a file. Never throws on what comes from outside. */
export function readYaml(text: string, file: string): ReadYaml {
  const start = { file, line: 1, column: 1 };
  const size = Buffer.byteLength(text);
  if (size > MAX_YAML_BYTES) return refusal(start, `at most ${MAX_YAML_BYTES} bytes`, `${size} bytes`);
  if (!text.isWellFormed()) return refusal(start, 'UTF-8 text', 'a broken character');
  // What a file's bytes become that are no UTF-8. Who takes it for text writes it back as other bytes than were there.
  const lost = text.indexOf('\ufffd');
  if (lost >= 0) {
    const before = text.slice(0, lost).split('\n');
    return refusal(
      { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 },
      'UTF-8 text',
      'other bytes',
    );
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.max(0, offset));
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      schema: 'core',
      strict: true,
      // Asked below: the parser compares each key with each before it, which takes a minute for a megabyte of keys.
      uniqueKeys: false,
      stringKeys: false,
      logLevel: 'silent',
    });
    if (!Array.isArray(parsed)) return { ok: true, documents: [] };
    if (parsed.length > MAX_YAML_DOCUMENTS)
      return refusal(start, `at most ${MAX_YAML_DOCUMENTS} documents in a file`, String(parsed.length));
    const problems: DocumentProblem[] = [];
    const documents: YamlDocument[] = [];
    for (const document of parsed) {
      if (problems.length >= MAX_PROBLEMS) break;
      const found = troubleIn(document, placeAt);
      problems.push(...found);
      if (found.length === 0 && !isEmpty(document)) documents.push(plain(document, placeAt, problems));
    }
    return problems.length > 0 ? { ok: false, problems: problems.slice(0, MAX_PROBLEMS) } : { ok: true, documents };
  } catch (error) {
    // The parser recurses: nesting that exhausts the stack is the one thing it throws for.
    if (error instanceof RangeError) return refusal(start, 'less nesting', 'nesting that is too deep');
    throw error;
  }
}

/** A problem at a place. */
export function problemAt(place: Place, problem: Problem): DocumentProblem {
  const { file, line, column } = place;
  const pointer = dotted(problem.path);
  const { expected, found } = problem;
  const message = `${file}:${line}:${column}${pointer === '' ? '' : ` ${pointer}`}: expected ${expected}${found === undefined ? '' : `, found ${found}`}`;
  return { file, line, column, pointer, expected, message };
}

/** Where a problem stands: an unknown field has a key, and what it holds doesn't matter. */
export function placeOfProblem(yaml: YamlDocument, { path, found }: Problem): Place {
  return found?.startsWith('the unknown field') || found?.startsWith('the key')
    ? yaml.placeOfKey(path)
    : yaml.placeOf(path);
}

function refusal(place: Place, expected: string, found: string): ReadYaml {
  return { ok: false, problems: [problemAt(place, { path: [], expected, found })] };
}

/** Syntax errors, and what plain data doesn't have. */
function troubleIn(document: Document.Parsed, placeAt: (offset: number) => Place): DocumentProblem[] {
  const said = [...document.errors, ...document.warnings];
  // The parser keeps going where its stack ended, and what it then says is about the stack, not about the text.
  const ended = said.find((error) => /call stack|stack overflow/i.test(error.message));
  if (ended !== undefined) {
    const found = 'nesting that is too deep';
    return [problemAt(placeAt(ended.pos[0]), { path: [], expected: 'less nesting', found })];
  }
  const problems = said.map((error) => {
    const place = placeAt(error.pos[0]);
    return problemAt(place, { path: [], expected: 'well-formed YAML', found: firstLine(error.message) });
  });
  if (problems.length > 0) return problems.slice(0, MAX_PROBLEMS);
  const add = (node: unknown, expected: string, found: string) => {
    if (problems.length < MAX_PROBLEMS)
      problems.push(problemAt(placeAt(offsetOf(node)), { path: [], expected, found }));
  };
  visit(document, (_, node) => {
    if (isPair(node)) {
      const { key } = node;
      if (!isScalar(key) || typeof key.value !== 'string') {
        const shown = isScalar(key) ? quoted(key.source ?? key.value) : 'a mapping or list';
        add(key, 'a text as key', `${shown}; put it in quotes if it is meant as text`);
      } else if (key.value === '__proto__') add(key, 'another key', '"__proto__"');
      return undefined;
    }
    if (isMap(node)) {
      const seen = new Set<string>();
      for (const { key } of node.items) {
        if (!isScalar(key) || typeof key.value !== 'string') continue;
        if (seen.has(key.value)) add(key, 'each key once', 'a key a second time');
        seen.add(key.value);
      }
    }
    if (isAlias(node)) add(node, 'plain data: write it out', `the alias *${node.source.slice(0, 60)}`);
    else if (isNode(node) && node.tag !== undefined && explicitTag(node))
      add(node, 'plain data without tags', `the tag ${quoted(node.tag)}`);
    return undefined;
  });
  return problems;
}

/** Nothing between two separators, or after the last one. */
function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? '') === '');
}

/** Collections get the tag of their kind by themselves; a scalar has one only when it was written. */
function explicitTag(node: Node): boolean {
  return !(
    (isMap(node) && node.tag === 'tag:yaml.org,2002:map') ||
    (isSeq(node) && node.tag === 'tag:yaml.org,2002:seq')
  );
}

function plain(
  document: Document.Parsed,
  placeAt: (offset: number) => Place,
  problems: DocumentProblem[],
): YamlDocument {
  const value: unknown = document.toJS({ maxAliasCount: 0 });
  const placeOf = (path: Path, what: 'value' | 'key' = 'value') => placeAt(offsetAt(document, path, what));
  try {
    canonicalJson(value);
  } catch (error) {
    if (!(error instanceof NotCanonical)) throw error;
    const path = error.pointer
      .split('/')
      .slice(1)
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    problems.push(
      problemAt(placeOf(path), { path: path.slice(0, 20), expected: 'a value that JSON has, nested at most 100 deep' }),
    );
  }
  const unkept = placeOfUnkept(value);
  if (unkept !== undefined) problems.push(problemAt(placeOf(unkept), { path: unkept.slice(0, 20), expected: UNKEPT }));
  return { value, placeOf: (path) => placeOf(path), placeOfKey: (path) => placeOf(path, 'key') };
}

/** Offset of the value or key at a path; of the last thing on the way that exists, when it doesn't. */
function offsetAt(document: Document.Parsed, path: Path, what: 'value' | 'key'): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const [i, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) return offset;
      const last = i === path.length - 1;
      // An empty value has no place of its own: its key does.
      const useKey =
        (last && what === 'key') || pair.value === null || (isScalar(pair.value) && pair.value.source === '');
      offset = offsetOf(useKey ? pair.key : pair.value);
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      if (node === undefined) return offset;
      offset = offsetOf(node);
    } else return offset;
  }
  return offset;
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 200);
}
