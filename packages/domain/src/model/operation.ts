/**
 * An operation of an application: what customers do with it by name (`post-invoice`), and by which requests it is asked for.
 * A cell's router refuses closed ones, while everything else is served. Whether a request asks for one is judged by its method
 * and its path alone, in time that its length bounds; where that could be read in two ways, it asks for it in either.
 */

export const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/** How many an application may declare, by how many requests each is asked for, and how long their paths may be. */
export const OPERATION_LIMITS = { operations: 50, requests: 20, pathLength: 200, segments: 20 } as const;

export interface OperationRequest {
  readonly methods: readonly Method[];
  /** What comes after the tenant's own prefix. `*` stands for one part of it, `**` at its end for all that follow. */
  readonly path: string;
}

export interface Operation {
  readonly name: string;
  /** The sentence that a customer is told while it is closed. */
  readonly says: string;
  readonly requests: readonly OperationRequest[];
}

/** A request, as a router sees it. */
export interface AskedFor {
  /** Its method, and any that its headers or its query ask the application to take in its place. */
  readonly methods: readonly string[];
  /** Behind the tenant's own prefix, without a query, as it was sent. */
  readonly path: string;
}

/** A path that an operation may name: parts of letters, `*` for one of them, `**` at the end. */
export function isOperationPath(path: string): boolean {
  if (!path.startsWith('/') || path.length > OPERATION_LIMITS.pathLength || !path.isWellFormed()) return false;
  const parts = path.slice(1).split('/');
  if (parts.length > OPERATION_LIMITS.segments) return false;
  return parts.every(
    (part, i) =>
      part === '*' ||
      (part === '**' && i === parts.length - 1) ||
      (part !== '.' && part !== '..' && LITERAL.test(part)),
  );
}

const LITERAL = /^[^\s\p{Cc}/\\?#%;*]+$/u;

/** Whether a request asks for the operation. */
export function asksFor({ requests }: Operation, asked: AskedFor): boolean {
  const methods = requests.filter((each) => each.methods.some((method) => asked.methods.some((m) => isAs(m, method))));
  if (methods.length === 0) return false;
  const readings = readingsOf(asked);
  // What nobody can read may be read as anything by who gets it.
  if (readings === undefined) return true;
  return methods.some((each) => readings.some((reading) => covers(wantedBy(each), reading)));
}

/** A HEAD is carried out as a GET is. */
function isAs(asked: string, method: Method): boolean {
  const upper = asked.toUpperCase();
  return upper === method || (upper === 'HEAD' && method === 'GET');
}

/** A declared path: what its parts have to be, null for any. */
interface Wanted {
  readonly parts: readonly (string | null)[];
  /** More may follow. */
  readonly open: boolean;
}

const wanted = new WeakMap<OperationRequest, Wanted>();

function wantedBy(request: OperationRequest): Wanted {
  const known = wanted.get(request);
  if (known !== undefined) return known;
  const all = request.path.slice(1).split('/');
  const open = all.at(-1) === '**';
  const parts = (open ? all.slice(0, -1) : all).map((part) => (part === '*' ? null : fold(bare(part))));
  const made = { parts, open };
  wanted.set(request, made);
  return made;
}

/** One way to read a request's path. */
interface Reading {
  /** How many parts it has. */
  readonly length: number;
  /** Its first parts, as they are compared; no declared path has more. */
  readonly parts: readonly string[];
}

/** Of the last part an ending counts as not there too: many take it for the form of the answer (`post.json`). */
function covers({ parts, open }: Wanted, reading: Reading): boolean {
  if (open ? reading.length < parts.length : reading.length !== parts.length) return false;
  return parts.every((part, i) => {
    const asked = reading.parts[i] as string;
    return part === null || asked === part || (i === reading.length - 1 && asked.startsWith(`${part}.`));
  });
}

/** So often a path may be percent-encoded over and over, and be so long when it is so more than once; what goes beyond is read by nobody. */
const MOST_ENCODED = 3;
const LONGEST_ENCODED_AGAIN = 4_000;

const readings = new WeakMap<AskedFor, readonly Reading[] | { readonly none: true }>();

/** Read once, however many operations are closed. Undefined: it can't be read. */
function readingsOf(asked: AskedFor): readonly Reading[] | undefined {
  const known = readings.get(asked) ?? read(asked.path) ?? { none: true };
  readings.set(asked, known);
  return 'none' in known ? undefined : known;
}

/**
 * A path as applications and what stands before them read it: decoded once or again, before it is parted or after, so that an encoded
 * slash is a slash or a letter.
 */
function read(path: string): readonly Reading[] | undefined {
  const decoded = [path];
  try {
    for (let last = path; last.includes('%'); decoded.push(last)) {
      const next = decoded.length === 1 ? decodeURIComponent(last) : decodedAgain(last);
      if (next === last) break;
      if (decoded.length > MOST_ENCODED || (decoded.length > 1 && path.length > LONGEST_ENCODED_AGAIN))
        return undefined;
      last = next;
    }
  } catch {
    return undefined;
  }
  const times = decoded.length - 1;
  const found: Reading[] = [];
  for (let parted = 0; parted <= times; parted++) {
    const all = (decoded[parted] as string).split(parted === 0 ? '/' : /[/\\]/);
    for (let whole = Math.max(parted, Math.min(times, 1)); whole <= times; whole++)
      found.push(...partings(all.map((part) => again(part, whole - parted))));
  }
  return found;
}

function again(part: string, times: number): string {
  let out = part;
  for (let i = 0; i < times && out.includes('%'); i++) out = decodedAgain(out);
  return out;
}

/** Lenient, since what is no encoding may stand in what was decoded once: `100%`. */
function decodedAgain(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    new TextDecoder().decode(Uint8Array.from(run.slice(1).split('%'), (byte) => Number.parseInt(byte, 16))),
  );
}

/**
 * Many take an empty part for none, some also one that holds only what they cut off; some go up at dots. Which of these an application
 * does nobody knows here.
 */
function partings(all: readonly string[]): readonly Reading[] {
  const there = all.filter((part) => part !== '');
  const names = all.map(cut);
  const up: string[] = [];
  for (const name of names) {
    if (name === '..') up.pop();
    else if (name !== '' && name !== '.') up.push(name);
  }
  const end = there.findLastIndex((part) => cut(part) !== '');
  return [there, there.slice(0, end + 1), up].map(reading);
}

function reading(parts: readonly string[]): Reading {
  const first = parts.slice(0, OPERATION_LIMITS.segments).map((part) => fold(bare(cut(part))));
  return { length: parts.length, parts: first };
}

/** Without what many cut off: what follows `;`, `?`, `#` or a NUL, and blanks around it. */
function cut(part: string): string {
  const at = part.search(/[;?#\0]/);
  return trimmed(at < 0 ? part : part.slice(0, at), BLANK, BLANK);
}

/** Without the dots and blanks at its end that file systems don't know. */
function bare(part: string): string {
  return trimmed(part, BLANK, BLANK_OR_DOT);
}

const BLANK = /[\s\p{Cc}\p{Cf}+]/u;
const BLANK_OR_DOT = /[\s\p{Cc}\p{Cf}+.]/u;

/** By hand: a regular expression that looks for the end looks from each place. */
function trimmed(text: string, before: RegExp, behind: RegExp): string {
  let [from, to] = [0, text.length];
  while (from < to && before.test(text[from] as string)) from++;
  while (to > from && behind.test(text[to - 1] as string)) to--;
  return text.slice(from, to);
}

/** Letters that some take for one another: by case, and by width or another form of the same (NFKC). */
function fold(part: string): string {
  return part.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC');
}
