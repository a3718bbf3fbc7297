import { SaxesParser } from 'saxes';
import { MAX_DEPTH, type XmlRpcValue } from './encode.ts';

/** What a server answered: a value, a fault (which comes with HTTP 200), or something that isn't XML-RPC, and why not. */
export type XmlRpcAnswer =
  | { readonly kind: 'value'; readonly value: XmlRpcValue }
  | { readonly kind: 'fault'; readonly fault: XmlRpcValue }
  | { readonly kind: 'malformed'; readonly why: string };

/** Largest answer that is read. Characters. */
export const MAX_ANSWER_LENGTH = 4 * 1024 * 1024;
const MAX_VALUES = 100_000;

/** An element that is open: what was gathered in it so far. */
interface Open {
  readonly name: string;
  text: string;
  /** Values of the `value` elements that ended directly in it, or in its `data`. */
  readonly values: XmlRpcValue[];
  /** Of a struct: its members. */
  readonly members: Map<string, XmlRpcValue>;
  /** Of a member: its name. */
  label?: string;
}

/** What may stand in what; `undefined` stands for the document itself. A type may hold only text. */
const INSIDE: ReadonlyMap<string | undefined, readonly string[]> = new Map<string | undefined, readonly string[]>([
  [undefined, ['methodResponse']],
  ['methodResponse', ['params', 'fault']],
  ['params', ['param']],
  ['param', ['value']],
  ['fault', ['value']],
  [
    'value',
    [
      'int',
      'i1',
      'i2',
      'i4',
      'i8',
      'double',
      'boolean',
      'string',
      'dateTime.iso8601',
      'base64',
      'nil',
      'ex:nil',
      'array',
      'struct',
    ],
  ],
  ['array', ['data']],
  ['data', ['value']],
  ['struct', ['member']],
  ['member', ['name', 'value']],
]);

class Malformed extends Error {}

/**
 * Reads a server's answer as plain data: dates and base64 stay texts. Read as a stream of tags, with no document type and
 * so no entities of its own, and bounded in size, depth and number of values. What is said of a malformed one holds
 * nothing of it but the names of its tags. Never throws.
 */
export function decodeAnswer(xml: string): XmlRpcAnswer {
  try {
    return read(xml);
  } catch (error) {
    // saxes itself throws only for use after a fault.
    return { kind: 'malformed', why: error instanceof Malformed ? error.message : "it isn't well-formed XML" };
  }
}

function read(xml: string): XmlRpcAnswer {
  if (xml.length > MAX_ANSWER_LENGTH) throw wrong(`it has more than ${MAX_ANSWER_LENGTH} characters`);
  const open: Open[] = [];
  let values = 0;
  let answer: XmlRpcAnswer | undefined;
  const parser = new SaxesParser({ xmlns: false as const, position: true });
  const stop = (why: string): never => {
    throw wrong(why, `line ${parser.line}, column ${parser.columnIndex + 1}`);
  };
  parser.on('error', () => stop("it isn't well-formed XML"));
  parser.on('doctype', () => stop("a document type isn't allowed"));
  parser.on('text', (text) => {
    const at = open.at(-1);
    if (at) at.text += text;
  });
  parser.on('cdata', (text) => {
    const at = open.at(-1);
    if (at) at.text += text;
  });
  parser.on('opentag', ({ name }) => {
    const parent = open.at(-1);
    if (!INSIDE.get(parent?.name)?.includes(name))
      stop(`<${name.slice(0, 40)}> can't stand ${parent ? `in <${parent.name}>` : 'there'}`);
    if (name === 'value' && ++values > MAX_VALUES) stop(`it has more than ${MAX_VALUES} values`);
    if (name === 'value' && open.filter((each) => each.name === 'value').length > MAX_DEPTH)
      stop(`values nest deeper than ${MAX_DEPTH}`);
    if (parent?.name === 'value' && parent.values.length > 0) stop('a value has two types');
    open.push({ name, text: '', values: [], members: new Map() });
  });
  parser.on('closetag', () => {
    const at = open.pop()!;
    const parent = open.at(-1);
    const wrongHere = close(at, parent);
    if (wrongHere !== undefined) stop(wrongHere);
    if (at.name === 'param' || at.name === 'fault') {
      if (answer || at.values.length !== 1) stop('an answer holds one value');
      answer = at.name === 'param' ? { kind: 'value', value: at.values[0]! } : { kind: 'fault', fault: at.values[0]! };
    }
  });
  parser.write(xml).close();
  return answer ?? stop('it holds no value');
}

/** Gives what an element held to the one that it stands in. Returns what is wrong with it, if something is. */
function close(at: Open, parent: Open | undefined): string | undefined {
  const { name, text, values } = at;
  switch (name) {
    case 'value':
      if (values.length > 0) return text.trim() === '' ? give(parent, values[0]!) : 'a text stands beside a type';
      return give(parent, text); // without a type it is a text
    case 'data':
      parent!.values.push(...values);
      return undefined;
    case 'array':
      return give(parent, values);
    case 'name':
      if (parent!.label !== undefined) return 'a member has two names';
      parent!.label = text;
      return undefined;
    case 'member':
      if (at.label === undefined || values.length !== 1) return 'a member has one name and one value';
      if (parent!.members.has(at.label)) return 'a struct has a member twice';
      parent!.members.set(at.label, values[0]!);
      return undefined;
    case 'struct':
      return give(parent, Object.fromEntries(at.members));
    default:
      if (parent?.name !== 'value') return text.trim() === '' ? undefined : `a text stands in <${name}>`;
      return scalar(name, text, parent);
  }
}

function scalar(type: string, text: string, parent: Open): string | undefined {
  const trimmed = text.trim();
  switch (type) {
    case 'string':
    case 'dateTime.iso8601':
    case 'base64':
      return give(parent, text);
    case 'nil':
    case 'ex:nil':
      return trimmed === '' ? give(parent, null) : 'a text stands in <nil>';
    case 'boolean':
      return trimmed === '0' || trimmed === '1' ? give(parent, trimmed === '1') : 'a boolean is 0 or 1';
    case 'double':
      return /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,3})?$/.test(trimmed) &&
        Number.isFinite(Number(trimmed))
        ? give(parent, Number(trimmed))
        : 'a double is a finite decimal number';
    default:
      return /^[+-]?\d{1,20}$/.test(trimmed) && Number.isSafeInteger(Number(trimmed))
        ? give(parent, Number(trimmed) + 0)
        : `<${type}> holds a whole number of at most 53 bits`;
  }
}

/** Puts a value into the element that it ended in. */
function give(parent: Open | undefined, value: XmlRpcValue): undefined {
  parent!.values.push(value);
  return undefined;
}

function wrong(why: string, where?: string): Malformed {
  return new Malformed(where === undefined ? why : `${why} (${where})`);
}
