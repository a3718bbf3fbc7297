/**
 * A text as it reads once what it is wrapped in is undone: programs write what people said with escapes of JSON, of addresses,
 * of HTML and of mail, or in base64. Only letters, digits and what stands between them matter: it is looked through, never shown.
 */

/** Escapes within escapes are undone so often. */
const MOST_ROUNDS = 3;

/** What an escape begins with, or a run that may be encoded: most texts have neither. */
const ODD = /[\\%&=]|[A-Za-z0-9+/_-]{12}/;

/** The readings of a text beside the one that stands there. */
export function* writtenOtherwise(text: string): Generator<string> {
  if (!ODD.test(text)) return;
  let last = text;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const next = ofHtml(ofAddress(ofJson(last)));
    if (next === last) break;
    yield next;
    last = next;
  }
  // Apart from the others: an equals sign before two digits stands in many a text, too.
  const mail = last.replace(/=\r?\n/g, '').replace(/(?:=[0-9A-F]{2})+/g, (run) => bytesOf(run, '='));
  if (mail !== last) yield mail;
  const runs = [...encodedIn(text), ...(last === text ? [] : encodedIn(last))];
  if (runs.length > 0) yield runs.join('\n');
}

/** `\u00e9`, `\n`; and `\xe9` as other languages have it. */
function ofJson(text: string): string {
  if (!text.includes('\\')) return text;
  return text
    .replace(/\\u\{?([0-9a-f]{4,6})\}?/gi, (all, hex: string) => character(Number.parseInt(hex, 16)) ?? all)
    .replace(/(?:\\x[0-9a-f]{2})+/gi, (run) => bytesOf(run, '\\x'))
    .replace(/\\[abefnrtv]/g, ' ')
    .replace(/\\(.)/gs, '$1');
}

/** `%C3%A9`, as in addresses and forms. */
function ofAddress(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => bytesOf(run, '%'));
}

/** HTML names an accented letter by the letter and its mark: `&eacute;`. */
const MARKS: Readonly<Record<string, string>> = {
  ...{ grave: '\u0300', acute: '\u0301', circ: '\u0302', tilde: '\u0303', uml: '\u0308', ring: '\u030a' },
  ...{ cedil: '\u0327', caron: '\u030c', breve: '\u0306', macr: '\u0304', ogon: '\u0328', dot: '\u0307' },
};
const LETTERS: Readonly<Record<string, string>> = {
  ...{ szlig: 'ß', aelig: 'æ', AElig: 'Æ', oelig: 'œ', OElig: 'Œ', oslash: 'ø', Oslash: 'Ø' },
  ...{ eth: 'ð', ETH: 'Ð', thorn: 'þ', THORN: 'Þ', lstrok: 'ł', Lstrok: 'Ł', dstrok: 'đ', Dstrok: 'Đ', inodot: 'ı' },
  ...{ shy: '', zwj: '', zwnj: '', commat: '@', percnt: '%', amp: '&' },
};

function ofHtml(text: string): string {
  if (!text.includes('&')) return text;
  return text
    .replace(/&#(\d{1,7});?/g, (all, digits: string) => character(Number(digits)) ?? all)
    .replace(/&#x([0-9a-f]{1,6});?/gi, (all, hex: string) => character(Number.parseInt(hex, 16)) ?? all)
    .replace(/&([A-Za-z]{2,8});/g, (_, name: string) => {
      const mark = MARKS[name.slice(1)];
      if (mark !== undefined) return `${name[0]}${mark}`.normalize('NFC');
      return LETTERS[name] ?? ' ';
    });
}

function character(code: number): string | undefined {
  return code > 0x10_ffff ? undefined : String.fromCodePoint(code);
}

/** Pairs of hexadecimal digits behind such a sign each, as UTF-8; else as Latin-1. */
function bytesOf(run: string, sign: string): string {
  const bytes = run
    .split(sign)
    .slice(1)
    .map((hex) => Number.parseInt(hex, 16));
  return utf8(bytes) ?? String.fromCharCode(...bytes);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function utf8(bytes: readonly number[]): string | undefined {
  try {
    return decoder.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** What base64 and hexadecimal runs hold, where that is a text: what isn't has controls in it, or is no UTF-8. */
function* encodedIn(text: string): Generator<string> {
  for (const [run] of text.matchAll(/(?:[0-9a-f]{2}){6,}/gi)) {
    const held = utf8((run.match(/../g) ?? []).map((two) => Number.parseInt(two, 16)));
    if (held !== undefined && isText(held)) yield held;
  }
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)) {
    const held = base64(run);
    if (held !== undefined && isText(held)) yield held;
  }
}

function isText(held: string): boolean {
  return !/[^\P{Cc}\t\r\n]/u.test(held);
}

function base64(run: string): string | undefined {
  const whole = run.replaceAll('-', '+').replaceAll('_', '/');
  // One sign too many is cut: what is looked for may stand before it.
  const even = whole.length % 4 === 1 ? whole.slice(0, -1) : whole;
  const bytes = atob(even);
  return utf8([...bytes].map((each) => each.charCodeAt(0)));
}
