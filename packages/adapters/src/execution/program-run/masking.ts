/** Shorter than this a secret can't be told from ordinary text. Characters. */
export const SHORTEST_SECRET = 4;
/** A line of a longer secret (a key's, for instance) counts as a secret of its own from this length on. Characters. */
const LINE = 16;

/**
 * The spellings under which a secret may show in what a program prints: as it is and each long line of it, in a URL, in
 * JSON, as hexadecimal digits, and in base64 wherever in the encoded text it stood. Bytes, one character each.
 */
export function spellings(secrets: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const secret of secrets) {
    const parts = [secret, ...secret.split(/\r?\n/).filter((line) => line.length >= LINE)];
    for (const part of parts) if (part.length >= SHORTEST_SECRET) for (const each of spelled(part)) found.add(each);
  }
  return [...found].sort((a, b) => b.length - a.length);
}

function spelled(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const url = encodeURIComponent(secret);
  const strict = url.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (text: string) => text.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
  const texts = [
    secret,
    url,
    strict,
    lower(url),
    lower(strict),
    strict.replaceAll('%20', '+'),
    JSON.stringify(secret).slice(1, -1),
  ];
  texts.push(secret.replaceAll('\\', '\\\\').replaceAll("'", "\\'")); // as Python shows it
  const hex = bytes.toString('hex');
  const encoded = [0, 1, 2].flatMap((before) => inBase64(bytes, before));
  const wrapped = [64, 76].flatMap((width) => linesOf(bytes.toString('base64'), width));
  const all = [
    ...texts.map((text) => Buffer.from(text, 'utf8').toString('latin1')),
    hex,
    hex.toUpperCase(),
    ...encoded,
    ...wrapped,
  ];
  return all.filter((text) => text.length >= SHORTEST_SECRET);
}

/** A long text as tools wrap it: its lines, but for a short last one. */
function linesOf(text: string, width: number): string[] {
  if (text.length <= width) return [];
  return (text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).filter((line) => line.length >= LINE);
}

/**
 * What of a secret's base64 doesn't depend on its neighbours, when so many bytes of a group of three stood before it: a
 * header like `user:password` is encoded as a whole.
 */
function inBase64(secret: Buffer, before: number): string[] {
  const text = Buffer.concat([Buffer.alloc(before), secret])
    .toString('base64')
    .replace(/=+$/, '');
  const whole = Math.floor(((before + secret.length) * 8) / 6);
  const own = text.slice(before === 0 ? 0 : before + 1, whole);
  // Too short an excerpt would mask what is none.
  if (own.length < SHORTEST_SECRET) return [];
  return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
}

/** Masks a stream's bytes as they come; what may yet become a secret is held back until it is known. */
export class Masker {
  private readonly needles: readonly string[];
  private readonly pattern: RegExp | undefined;
  private carry = '';

  constructor(needles: readonly string[]) {
    this.needles = needles;
    // Longest first: of two that begin alike the longer one is taken whole.
    const escaped = needles.map((needle) => needle.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.pattern = needles.length > 0 ? new RegExp(escaped.join('|'), 'g') : undefined;
  }

  push(chunk: Buffer): Buffer {
    return this.take(chunk.toString('latin1'), false);
  }

  /** What was held back, once nothing more comes. */
  end(): Buffer {
    return this.take('', true);
  }

  private take(more: string, last: boolean): Buffer {
    const text = this.carry + more;
    this.carry = '';
    if (!this.pattern) return Buffer.from(text, 'latin1');
    const hold = last ? text.length : this.undecided(text);
    let out = '';
    let at = 0;
    for (const match of text.matchAll(this.pattern)) {
      if (match.index >= hold) break;
      out += `${text.slice(at, match.index)}***`;
      at = match.index + match[0].length;
    }
    const end = Math.max(at, hold);
    out += text.slice(at, end);
    this.carry = text.slice(end);
    return Buffer.from(out, 'latin1');
  }

  /** From where on the text's end is the beginning of a secret. */
  private undecided(text: string): number {
    const longest = this.needles[0]?.length ?? 0;
    for (let i = Math.max(0, text.length - longest + 1); i < text.length; i++) {
      const rest = text.slice(i);
      if (this.needles.some((needle) => needle.length > rest.length && needle.startsWith(rest))) return i;
    }
    return text.length;
  }
}

/** A text without the secrets in it. */
export function mask(text: string, secrets: readonly string[]): string {
  const masker = new Masker(spellings(secrets));
  return Buffer.concat([masker.push(Buffer.from(text, 'utf8')), masker.end()]).toString('utf8');
}
