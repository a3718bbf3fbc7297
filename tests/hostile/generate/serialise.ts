/** JSON with faults that JSON.stringify can't make: bytes that are no UTF-8, a key twice, keys of prototypes. */
import type { Path } from './fields.ts';

/** Stands in a value for bytes that are written as they are. */
export class Raw {
  readonly bytes: Buffer;
  constructor(bytes: Buffer | string) {
    this.bytes = Buffer.from(bytes as string);
  }
}

/** Stands in a value for a mapping that is written pair by pair: keys may stand twice, or be anything. */
export class Pairs {
  readonly pairs: readonly (readonly [key: string | Raw, value: unknown])[];
  constructor(pairs: Pairs['pairs']) {
    this.pairs = pairs;
  }
}

/** Writes a value on lines of its own, which is JSON and YAML alike. */
export function serialise(value: unknown, indent = ''): Buffer {
  const inner = `${indent} `;
  if (value instanceof Raw) return value.bytes;
  if (Array.isArray(value))
    return wrapped(
      '[',
      ']',
      indent,
      value.map((each) => serialise(each, inner)),
    );
  if (value instanceof Pairs || (typeof value === 'object' && value !== null)) {
    const pairs = value instanceof Pairs ? value.pairs : Object.entries(value);
    const written = pairs.map(([key, each]) =>
      Buffer.concat([
        key instanceof Raw ? key.bytes : Buffer.from(JSON.stringify(key)),
        Buffer.from(': '),
        serialise(each, inner),
      ]),
    );
    return wrapped('{', '}', indent, written);
  }
  return Buffer.from(JSON.stringify(value) ?? 'null');
}

function wrapped(open: string, close: string, indent: string, parts: readonly Buffer[]): Buffer {
  if (parts.length === 0) return Buffer.from(open + close);
  const lines = parts.flatMap((part, i) => [Buffer.from(`${i === 0 ? '' : ','}\n${indent} `), part]);
  return Buffer.concat([Buffer.from(open), ...lines, Buffer.from(`\n${indent}${close}`)]);
}

/** The value with something else at a path; mappings on the way are kept as they are. */
export function withAt(value: unknown, path: Path, change: (before: unknown) => unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return change(value);
  if (Array.isArray(value)) return value.map((each, i) => (i === first ? withAt(each, rest, change) : each));
  const record = value as Record<string, unknown>;
  return { ...record, [first]: withAt(record[first], rest, change) };
}
