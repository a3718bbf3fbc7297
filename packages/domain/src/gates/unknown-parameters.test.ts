import { digestOf, HOUR_MS, soundFacts } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GATES, judgeGates } from './catalog.ts';
import { goesOn, type Subject } from './gate.ts';

const WAVE: Subject = { kind: 'wave', wave: 1 };
const judge = (gate: string, params: Record<string, unknown>, subject = WAVE) => {
  const [verdict] = judgeGates([{ gate, at: 'wave', params }], soundFacts(), subject);
  return verdict;
};
const ANALYSED = { maxAgeMs: HOUR_MS, longestStallMs: 1_000 };
const WAIVER = { file: digestOf('x'), rule: 'destroys-data', because: 'archived', until: '2099-12-31' };

describe('a parameter that a gate doesn’t know is an error, for a newer server may judge by it', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['approval', { count: 1, ofRole: 'dba' }, '"ofRole"'],
    ['signature', { by: 'two keys' }, '"by"'],
    ['window', { only: 'nights' }, '"only"'],
    ['migrations-analysed', { ...ANALYSED, contracts: 'ranges', contractsOf: 'all' }, '"contractsOf"'],
    [
      'migrations-analysed',
      { ...ANALYSED, waivers: [WAIVER, { ...WAIVER, cell: 'a' }, { ...WAIVER, cell: 'b' }] },
      '"waivers[].cell"',
    ],
    ['approval', { count: 1, toString: 1 }, '"toString"'],
    ['approval', { count: 1, ['x'.repeat(500)]: 1 }, `"${'x'.repeat(60)}…"`],
    ['approval', { count: 1, 'a\u001b[31m\n': 1 }, '"a\\u001b[31m\\n"'],
  ])('%s with %j', (gate, params, named) => {
    expect(judge(gate, params)).toEqual({
      gate,
      verdict: 'error',
      because: `the policy asks for ${named}, and ${gate} of this server’s version has no such parameter: a newer server perhaps knows it, and by this one nothing goes by unjudged`,
      unblock:
        'exchange the servers that are older (the part servers of any server’s /readyz says which there are); or, where no server knows it, take it out of the policy and promote anew',
      who: 'release manager',
    });
  });

  test('more than a few are counted', () => {
    const params = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => [name, 1]));
    expect(judge('signature', params)?.because).toContain('asks for "a", "b", "c", "d", "e", and 2 more, and');
  });

  test('whichever gate it is, before whatever it stands', () => {
    const known = new Set(GATES.flatMap(({ parameters }) => Object.keys(parameters.properties as object)));
    const subjects: Subject[] = [{ kind: 'promotion' }, WAVE];
    fc.assert(
      fc.property(
        fc.constantFrom(...GATES),
        fc.constantFrom(...subjects),
        fc.string({ unit: 'binary', minLength: 1 }).filter((name) => name !== '__proto__' && !known.has(name)),
        fc.jsonValue(),
        ({ name: gate }, subject, name, value) => {
          const at = subject.kind === 'wave' ? 'wave' : 'promotion';
          const [verdict] = judgeGates([{ gate, at, params: { [name]: value } }], soundFacts(), subject);
          expect(verdict).toMatchObject({ gate, verdict: 'error' });
          expect(verdict && goesOn(verdict)).toBe(false);
        },
      ),
    );
  });
});

test('what a gate’s schema names it judges itself', () => {
  expect(judge('approval', { count: 1 })).toMatchObject({ verdict: 'pass' });
  expect(judge('migrations-analysed', { ...ANALYSED, waivers: [WAIVER] })).toMatchObject({ verdict: 'pass' });
});
