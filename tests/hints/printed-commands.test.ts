/**
 * Every command that a text of ours prints can be typed as it stands, with what is written in capitals put in its place: it
 * exists, nothing that it needs is missing, and it knows the options. Read from the sources, so that no text is left out.
 */
import { COMMANDS } from '@headgate/cli/catalog';
import { Command, type Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { readSources, repositoryFiles, withoutComments } from '../../scripts/tidy/source-files.ts';

const GLOBAL = new Set(['--server', '--token-file', '--as', '--json', '--help', '--version']);
/** What follows our name in texts that speak of something else: schemas, sessions' names. */
const NO_COMMANDS = new Set(
  'bench before canary census from is isn isn’t rehearsal restrict server stands start store test that to whole'.split(
    ' ',
  ),
);
/** Where a command is spoken of, and nobody is told to type it. */
const SPOKEN_OF = [
  'not what headgate setup would declare',
  '"headgate setup" wrote',
  'headgate-agent drill made them',
  'runs as headgate-agent ',
  '`headgate promote` says the digest',
  "or psql');",
  'the next \\`headgate-agent run',
  "Name: 'headgate ",
  "application_name: 'headgate ",
  'headgate-agent mask scan. Read',
  'headgate-server recover printed',
  'USAGE = `headgate-server: ',
  'headgate-server migrate: only',
  'headgate-server backup | restore | recover',
  'complete -c headgate -f',
  // The first line and the first page of a program's help say what there is, and what it takes further down.
  '_USAGE = `headgate-agent ',
];
/** Words that stand for themselves where a command wants an argument. */
const LITERAL = new Set(['bash', 'zsh', 'fish', 'agree', 'retry', 'decline']);

interface Printed {
  readonly program: string;
  readonly words: readonly string[];
  readonly at: string;
}

/** What stands in the place of a value that the program puts in. */
const VALUE = 'VALUE';

/** The commands in a source's texts: each from our name to the end of its words. */
function printedIn(path: string, source: string): readonly Printed[] {
  let text = withoutComments(source);
  for (let before = ''; before !== text; ) {
    before = text;
    // What a program puts in: of a template, of a page, of a message.
    text = text.replace(/\$?\{\{?[^{}\n]*\}\}?/g, (found) =>
      /^\$|^\{\{|\/src\/pages/.test(`${found}${path}`) ? VALUE : found,
    );
  }
  return [...text.matchAll(/\bheadgate(-agent|-server)? (?=[a-z-])([^\n]*)/g)].flatMap(
    ({ 0: found, 1: of = '', 2: rest = '', index }) => {
      const around = text.slice(Math.max(0, index - 40), index + found.length);
      if (/^headgate-(agent|server) [a-z-]+ …/.test(found)) return [];
      if (SPOKEN_OF.some((words) => around.includes(words))) return [];
      return [{ program: `headgate${of}`, words: wordsOf(rest), at: `${path}: ${found.slice(0, 90)}` }];
    },
  );
}

/** Up to where the sentence goes on or the text ends. */
function wordsOf(rest: string): readonly string[] {
  const words: string[] = [];
  for (const word of rest.replace(/\\n.*/, '').replaceAll('\\', '').split(/\s+/)) {
    const [bare = ''] = /^("…"|"\$@"|[^`'"),;:]*)/.exec(word) ?? [];
    if (bare !== '') words.push(bare);
    if (bare !== word) break;
  }
  return words;
}

const isOption = (word: string): boolean => /^--?[a-z]/.test(word);
/** In a program's own help what may be left out stands in brackets. */
const isOptional = (word: string): boolean => /^\[|\]$/.test(word);
const isValue = (word: string): boolean =>
  word.includes(VALUE) || word === '"…"' || word === '.' || LITERAL.has(word) || /^[A-Z][A-Z0-9@:…_-]*$/.test(word);

/** What was given to a command: its options, and as many arguments as stand there as such. */
function given(words: readonly string[]): { readonly options: readonly string[]; readonly args: number } {
  const options: string[] = [];
  let args = 0;
  for (const [i, word] of words.entries()) {
    if (isOption(word)) options.push(word);
    else if (isOptional(word)) continue;
    else if (!isValue(word)) break;
    else if (!isOption(words[i - 1] ?? '')) args++;
  }
  return { options, args };
}

const program = new Command('headgate');
for (const install of COMMANDS) install(program, () => async () => {});

const isCalled = ({ short, long }: Option, word: string): boolean => word === short || word === long;

/** What is wrong with a printed `headgate …`; undefined: nothing. */
function wrongWith(words: readonly string[]): string | undefined {
  const own = words.slice(words.findIndex((word, i) => !GLOBAL.has(word) && !GLOBAL.has(words[i - 1] ?? '')));
  let command: Command = program;
  let depth = 0;
  for (const word of own) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    command = next;
    depth++;
  }
  if (command === program) return NO_COMMANDS.has(own[0] ?? '') ? undefined : `there is no command ${own[0]}`;
  const { options, args } = given(own.slice(depth));
  const required = command.registeredArguments.filter((each) => each.required);
  if (args < required.length)
    return `it lacks ${required
      .slice(args)
      .map((each) => each.name())
      .join(' and ')}`;
  const missing = command.options.find((each) => each.mandatory && !options.some((o) => isCalled(each, o)));
  if (missing !== undefined) return `it lacks ${missing.flags}`;
  if ((command as unknown as { _allowUnknownOption: boolean })._allowUnknownOption) return undefined;
  const unknown = options.find((o) => !GLOBAL.has(o) && !command.options.some((each) => isCalled(each, o)));
  return unknown === undefined ? undefined : `it doesn't know ${unknown}`;
}

const shipped = repositoryFiles().filter(
  (path) =>
    /^packages\/[a-z]+\/src\/.*\.tsx?$/.test(path) &&
    !/\.test\.tsx?$|\/testing\/|^packages\/(testkit|simulator)\//.test(path),
);
const sources = [...readSources(shipped).values()];
const printed = sources.flatMap(({ path, text }) => printedIn(path, text));

/** The forms of the other programs' commands, as their own help has them: what stands outside of brackets is needed. */
const forms = new Map<string, string[][]>();
const helps = sources.filter(({ path }) => /^packages\/agent\/|server\/src\/recovery\/commands\.ts$/.test(path));
for (const { text } of helps)
  for (const [, name = '', command = '', rest = ''] of text.matchAll(
    /(?:^ {2}|`)headgate-(agent|server) ([a-z-]+(?: (?:list|take|verify|fetch|key|identity|scan|status|mark-copy|migrate|diff|hold|propose|apply|plan|runbook|exercise|rebuild)\b)?)((?: +(?:--?[a-z]|\[|[A-Z]|"…").*)?)$/gm,
  )) {
    const needed = [
      ...rest
        .replace(/\[[^\]]*\]/g, '')
        .replace(/ {2}.*/, '')
        .matchAll(/--[a-z-]+/g),
    ].map(([option]) => option);
    const key = `${name} ${command}`;
    forms.set(key, [...(forms.get(key) ?? []), needed]);
  }

function wrongWithOther({ program: of, words }: Printed): string | undefined {
  const name = of.slice('headgate-'.length);
  const [first = '', second = ''] = words;
  if (isOption(first)) return undefined;
  const command = forms.has(`${name} ${first} ${second}`) ? `${first} ${second}` : first;
  const known = forms.get(`${name} ${command}`);
  // Of a command whose forms stand on a page of its own, the first page says only that.
  if (known === undefined) return words[1] === '…' ? undefined : `there is no command ${first}`;
  const { options } = given(words.slice(command.split(' ').length));
  const fits = known.some((needed) => needed.every((option) => options.includes(option)));
  return fits ? undefined : `it lacks ${known[0]?.filter((option) => !options.includes(option)).join(' and ')}`;
}

describe('printed commands', () => {
  test('are found in the sources', () => {
    const found = (of: string) => printed.filter((each) => each.program === of).length;
    expect(found('headgate')).toBeGreaterThan(80);
    expect(found('headgate-agent')).toBeGreaterThan(40);
    expect([...forms.keys()]).toEqual(expect.arrayContaining(['agent run', 'agent drill', 'server recover']));
  });

  test('of headgate exist, and lack nothing that they need', () => {
    const wrong = printed.flatMap((each) => {
      const why = each.program === 'headgate' ? wrongWith(each.words) : undefined;
      return why === undefined ? [] : [`${each.at}\n    ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  test('of the agent and the server exist, and lack nothing that they need', () => {
    const wrong = printed.flatMap((each) => {
      const why = each.program === 'headgate' ? undefined : wrongWithOther(each);
      return why === undefined ? [] : [`${each.at}\n    ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  test.each([
    ['resume', 'it lacks promotion'],
    ['rollback PROMOTION', 'it lacks --reason <words>'],
    ['release show', 'it lacks release'],
    ['document diff A B --sinc X', "it doesn't know --sinc"],
    ['documents list', 'there is no command documents'],
    ['rehearse on a copy', 'it lacks release'],
    ['--as approver approve VALUE', undefined],
  ])('as `headgate %s` are judged: %s', (text, expected) => {
    expect(wrongWith(wordsOf(text))).toBe(expected);
  });
});
