/** The repository's TypeScript files with what they import, read once: what the tidy test judges. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface Import {
  /** The file in the repository, or undefined for a package from outside. */
  readonly file: string | undefined;
  readonly specifier: string;
  /** Erased before anything runs: it can't make a circle at load time, but it does hold to the direction. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

/** Paths of all files that belong to the repository: what git knows, or, in an unpacked archive, what lies there. */
export function repositoryFiles(): readonly string[] {
  if (!existsSync(join(ROOT, '.git'))) return walk('').sort();
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

const SKIPPED: ReadonlySet<string> = new Set(['node_modules', '.git', '.headgate', 'dist', 'coverage']);

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}

export function readSources(paths: readonly string[]): ReadonlyMap<string, SourceFile> {
  const sources = new Map<string, SourceFile>();
  for (const path of paths) {
    if (!/\.tsx?$/.test(path)) continue;
    const text = readFileSync(join(ROOT, path), 'utf8');
    const imports = specifiers(text).map((named) => ({ ...named, file: resolve(path, named.specifier) }));
    sources.set(path, { path, text, lines: text.split('\n').length - 1, imports });
  }
  return sources;
}

/** Code without comments: what a rule about words may look at. Strings stay. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function specifiers(text: string): readonly Omit<Import, 'file'>[] {
  const code = withoutComments(text);
  const all = [...code.matchAll(/\b(?:from|import)\s*\(?\s*'([^'\n]+)'/g)].map((match) => match[1] ?? '');
  const erased = [...code.matchAll(/\b(?:import|export)\s+type\s[^;']*?\bfrom\s*'([^'\n]+)'/g)].map((m) => m[1] ?? '');
  const count = (list: readonly string[], specifier: string): number => list.filter((s) => s === specifier).length;
  return [...new Set(all)].map((specifier) => ({
    specifier,
    typeOnly: count(all, specifier) === count(erased, specifier),
  }));
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(dirname(from), specifier);
  const ours = /^@headgate\/([a-z]+)(?:\/(.+))?$/.exec(specifier);
  if (ours === null) return undefined;
  const file = `packages/${ours[1]}/src/${ours[2] ?? 'index'}.ts`;
  return existsSync(join(ROOT, `packages/${ours[1]}`)) ? file : undefined;
}

/** Everything that is reached from some files by imports. */
export function reached(sources: ReadonlyMap<string, SourceFile>, from: Iterable<string>): ReadonlySet<string> {
  const seen = new Set<string>();
  const stack = [...from];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const { file } of sources.get(path)?.imports ?? []) if (file !== undefined) stack.push(file);
  }
  return seen;
}

/** Groups of files that load each other in a circle. */
export function cycles(sources: ReadonlyMap<string, SourceFile>): readonly (readonly string[])[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): void => {
    const at = index.size;
    index.set(path, at);
    low.set(path, at);
    stack.push(path);
    for (const { file, typeOnly } of sources.get(path)?.imports ?? []) {
      if (file === undefined || typeOnly || !sources.has(file)) continue;
      if (!index.has(file)) visit(file);
      if (stack.includes(file)) low.set(path, Math.min(low.get(path) ?? at, low.get(file) ?? at));
    }
    if (low.get(path) !== at) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) found.push(group);
  };
  for (const path of sources.keys()) if (!index.has(path)) visit(path);
  return found;
}
