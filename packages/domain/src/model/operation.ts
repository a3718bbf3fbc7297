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
export function asksFor({ requests }: Operation, { methods, path }: AskedFor): boolean {
  const asked = requests.filter((each) => each.methods.some((method) => methods.some((m) => isAs(m, method))));
  if (asked.length === 0) return false;
  const readings = readingsOf(path);
  // What nobody can read may be read as anything by who gets it.
  if (readings === undefined) return true;
  return asked.some((each) => readings.some((parts) => covers(each.path, parts)));
}

/** A HEAD is carried out as a GET is. */
function isAs(asked: string, method: Method): boolean {
  const upper = asked.toUpperCase();
  return upper === method || (upper === 'HEAD' && method === 'GET');
}

function covers(pattern: string, parts: readonly string[]): boolean {
  const wanted = pattern.slice(1).split('/');
  const open = wanted.at(-1) === '**';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? parts.length < fixed.length : parts.length !== fixed.length) return false;
  return fixed.every((part, i) => part === '*' || fold(part) === parts[i]);
}

/**
 * A path as applications read it: many take case, empty parts, what follows a semicolon, and a slash at the end for nothing. Some
 * take an encoded slash for a slash, and others for a letter, so there are two readings. Undefined: it can't be decoded.
 */
function readingsOf(path: string): readonly (readonly string[])[] | undefined {
  try {
    const parted = path.split('/').map((part) => decodeURIComponent(part.split(';', 1)[0] as string));
    const whole = decodeURIComponent(path)
      .split(/[/\\]/)
      .map((part) => part.split(';', 1)[0] as string);
    return [parted.filter((part) => part !== '').map(fold), resolved(whole).map(fold)];
  } catch {
    return undefined;
  }
}

function resolved(parts: readonly string[]): readonly string[] {
  const out: string[] = [];
  for (const part of parts) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return out;
}

function fold(part: string): string {
  return part.normalize('NFC').toLowerCase();
}
