/** What a policy asks of a gate and this build has never heard of: a newer one would judge by it, so nothing may go by without. */
import { cut } from '../model/text.ts';
import { type Gate, stop, type Verdict } from './gate.ts';

/** So many are named, each so long at most: they may be anybody's words. */
const MOST = { named: 5, characters: 60 };

interface Described {
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
}

/** An error that names the parameters which the gate's JSON Schema doesn't; undefined: it names them all. */
export function unknownParameters(gate: Gate, params: Readonly<Record<string, unknown>>): Verdict | undefined {
  const unknown = [...new Set(unnamed(gate.parameters as Described, params, ''))];
  if (unknown.length === 0) return undefined;
  const named = unknown.slice(0, MOST.named).map(shown).join(', ');
  const more = unknown.length > MOST.named ? `, and ${unknown.length - MOST.named} more` : '';
  const it = unknown.length === 1 ? 'it' : 'them';
  return stop(
    gate.name,
    'error',
    `the policy asks for ${named}${more}, and ${gate.name} of this server’s version has no such parameter: a newer server perhaps knows ${it}, and by this one nothing goes by unjudged`,
    `exchange the servers that are older (the part servers of any server’s /readyz says which there are); or, where no server knows ${it}, take ${it} out of the policy and promote anew`,
    'release manager',
  );
}

/** Paths of the fields that nobody describes; a field of a list's items once, whichever item has it. */
function unnamed(schema: Described, value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.flatMap((each) => unnamed(items, each, `${path}[]`));
  }
  const { properties } = schema;
  if (properties === undefined) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = path === '' ? name : `${path}.${name}`;
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return known === undefined ? [own] : unnamed(known, inner, own);
  });
}

function shown(name: string): string {
  return JSON.stringify(name.length > MOST.characters ? `${cut(name, MOST.characters)}…` : name);
}
