/** Gates in words, read from the catalogue alone: what each asks, where it stands, and what a policy says to it. */
import { GATES } from '@headgate/domain/gates/catalog';
import type { Gate } from '@headgate/domain/gates/gate';

/** One parameter of a gate, for people. */
export interface Parameter {
  readonly name: string;
  readonly required: boolean;
  /** What it has to be. */
  readonly form: string;
  /** What it says. */
  readonly says: string;
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** A gate's parameters, those first that a policy has to give. */
function parametersOf({ parameters }: Pick<Gate, 'parameters'>): readonly Parameter[] {
  const { properties = {}, required = [] } = parameters as Schema;
  const all = Object.entries(properties).map(([name, schema]) => ({
    name,
    required: required.includes(name),
    form: formOf(name, schema),
    says: schema.description ?? '',
  }));
  return [...all.filter((each) => each.required), ...all.filter((each) => !each.required)];
}

function formOf(name: string, { type, enum: words, minimum, items }: Schema): string {
  if (words !== undefined) return words.join(' or ');
  if (type === 'integer') return `${name.endsWith('Ms') ? 'milliseconds' : 'a number'}, at least ${minimum ?? 0}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'array' && items?.type === 'string') return 'a list of names';
  if (type === 'array') return `a list, each with ${(items?.required ?? []).join(', ')}`;
  return 'a text';
}

const PLACES: Readonly<Record<string, string>> = {
  promotion: 'a promotion, and again before each wave and each step that changes something',
  wave: 'each wave, and again before each step that changes something',
  'no-return':
    'what in each cell comes before the first step that can’t be taken back without losing data: its hold, or its restore point',
};

/** What a gate stands before, unless a policy says otherwise. */
function placeOf({ at, consumedByWave }: Pick<Gate, 'at' | 'consumedByWave'>): string {
  if (at === 'wave' && consumedByWave === true) return 'each wave';
  return PLACES[at] ?? `each ${at} step`;
}

/** A gate as it is listed in a Policy, or in a Service's `gates`, with what it has to be given. */
function listedAs(gate: Pick<Gate, 'name' | 'parameters'>): string {
  const needed = parametersOf(gate).filter(({ required }) => required);
  if (needed.length === 0) return `- gate: ${gate.name}`;
  const params = needed.map(({ name, form }) => `${name}: ${placeholderOf(form)}`);
  return `- gate: ${gate.name}\n  params: {${params.join(', ')}}`;
}

/** A gate, for people and for programs. */
export interface ToldGate {
  readonly name: string;
  readonly asks: string;
  /** JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly at: string;
  readonly place: string;
  readonly parameters: readonly Parameter[];
  readonly listed: string;
}

/** All gates, in the order in which people read them. */
export function toldGates(): readonly ToldGate[] {
  return GATES.map((gate) => ({
    name: gate.name,
    asks: gate.asks,
    schema: gate.parameters,
    at: gate.at,
    place: placeOf(gate),
    parameters: parametersOf(gate),
    listed: listedAs(gate),
  }));
}

/** The page of all gates, in Markdown. */
export function gatesPage(): string {
  const lines = [
    '# Gates',
    '',
    'What can be asked before a release goes on. A Policy lists gates, and so does a Service ([what a service has by itself](bring-your-own.md#gates)); `headgate gate list` and `headgate gate show GATE` say the',
    'same as this page, without a server, for the version that is installed. Only `pass` and `waived` go on: without data, on an error and while it waits a gate is closed, and says what would open it.',
    '',
    'Two more stand there by themselves and are listed by nobody: `freeze`, and `policy` before the first wave, which is closed once the policy that a promotion was planned under isn’t in force any more.',
    '',
    'This page is written from the gates themselves (`node scripts/write-gates-page.ts`), and a test compares the two.',
  ];
  for (const { name: gate, asks, place, parameters, listed } of toldGates()) {
    lines.push('', `## ${gate}`, '', asks, '', `Stands before ${place}.`, '', '```yaml', listed, '```');
    if (parameters.length === 0) continue;
    lines.push('', '| parameter | what it has to be | what it says |', '| --- | --- | --- |');
    for (const { name, required, form, says } of parameters)
      lines.push(`| \`${name}\`${required ? '' : ' (may be left out)'} | ${form} | ${says} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** What stands in the place of a value that everybody has to say for themselves. */
function placeholderOf(form: string): string {
  if (form.startsWith('a list of names')) return '[NAME]';
  return form.startsWith('a text') ? 'NAME' : 'NUMBER';
}
