import type { MigrationRef } from '@headgate/domain';
import { digestFor } from '@headgate/testkit/execution/step-context';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attempt, type Change, judge, type Records, standing } from './judge.ts';

const file = (name: string) => ({ name, digest: digestFor(name), size: 1 });
const migration = (from: number, name: string): MigrationRef => ({
  id: `m${from + 1}`,
  from,
  to: from + 1,
  phase: 'expand',
  file: file(name),
});
const up2: Change = {
  direction: 'up',
  migration: migration(1, 'up2'),
  start: 'one',
  goal: 'two',
  up: undefined,
  repeatable: true,
};
const down2: Change = {
  direction: 'down',
  migration: migration(1, 'down2'),
  start: 'two',
  goal: 'one',
  up: file('up2'),
  repeatable: true,
};
const one = { version: 1, digest: digestFor('up1'), answer: 'one' };
const two = { version: 2, digest: digestFor('up2'), answer: 'two' };
const attempt = (change: Change, name?: string): Attempt => ({
  direction: change.direction,
  from: 1,
  to: 2,
  goal: change.goal,
  digest: name ? digestFor(name) : change.migration.file.digest,
});
const once = (change: Change): Change => ({ ...change, repeatable: false });

const RUN = { kind: 'run' };
const refuse = (why: RegExp) => ({ kind: 'refuse', code: 'rejected', why: expect.stringMatching(why) });
const there = (version: number, effect: string) => ({ kind: 'there', version, effect });

test.each<[string, Change, Records, string | null, object]>([
  ['forward from where it begins', up2, { recorded: [one], attempt: undefined }, 'one', RUN],
  ['forward where it was done', up2, { recorded: [one, two], attempt: undefined }, 'two', there(2, 'none')],
  [
    'forward where another file did it',
    { ...up2, migration: migration(1, 'other') },
    { recorded: [one, two], attempt: undefined },
    'two',
    refuse(/another file/),
  ],
  ['forward where somebody did it by hand', up2, { recorded: [one], attempt: undefined }, 'two', refuse(/by hand/)],
  [
    'forward where somebody took it back by hand',
    up2,
    { recorded: [one, two], attempt: undefined },
    'one',
    refuse(/by hand/),
  ],
  [
    'forward from elsewhere',
    up2,
    { recorded: [], attempt: undefined },
    null,
    refuse(/is at version 0; m2 goes from 1 to 2/),
  ],
  [
    'a document of another beginning',
    { ...up2, start: 'x' },
    { recorded: [one], attempt: undefined },
    'one',
    refuse(/begins at "x"/),
  ],
  [
    'a document whose end is an older version',
    { ...up2, goal: 'zero', start: 'one' },
    { recorded: [{ ...one, version: 0, answer: 'zero' }, one], attempt: undefined },
    'one',
    refuse(/is what version 0 says/),
  ],
  [
    'a version that nobody can tell',
    up2,
    { recorded: [{ ...one, answer: null }], attempt: undefined },
    null,
    refuse(/baseline/),
  ],
  ['after a kill before it began', up2, { recorded: [one], attempt: attempt(up2) }, 'one', RUN],
  ['after a kill in between', up2, { recorded: [one], attempt: attempt(up2) }, 'one-and-a-half', RUN],
  ['after a kill at the end', up2, { recorded: [one], attempt: attempt(up2) }, 'two', RUN],
  [
    'the same of a program that can’t be called again, at the end',
    once(up2),
    { recorded: [one], attempt: attempt(up2) },
    'two',
    there(2, 'record'),
  ],
  ['before it began', once(up2), { recorded: [one], attempt: attempt(up2) }, 'one', RUN],
  ['and in between', once(up2), { recorded: [one], attempt: attempt(up2) }, 'half', refuse(/can't be called again/)],
  [
    'another file’s half work',
    up2,
    { recorded: [one], attempt: attempt(up2, 'other') },
    'half',
    refuse(/was begun and didn't end/),
  ],
  ['another file’s attempt without an effect', up2, { recorded: [one], attempt: attempt(up2, 'other') }, 'one', RUN],
  ['back from where it is', down2, { recorded: [one, two], attempt: undefined }, 'two', RUN],
  ['back where it was taken back', down2, { recorded: [one], attempt: undefined }, 'one', there(1, 'none')],
  [
    'back of what another file did',
    { ...down2, up: file('other') },
    { recorded: [one, two], attempt: undefined },
    'two',
    refuse(/another file/),
  ],
  [
    'back to what it never was',
    { ...down2, goal: 'x' },
    { recorded: [one, two], attempt: undefined },
    'two',
    refuse(/ends at "x"/),
  ],
  ['back after a kill in between', down2, { recorded: [one, two], attempt: attempt(down2) }, 'half', RUN],
  [
    'back of a way forward without an effect',
    down2,
    { recorded: [one], attempt: attempt(up2) },
    'one',
    there(1, 'forget'),
  ],
  ['back of a way forward that is half done', down2, { recorded: [one], attempt: attempt(up2) }, 'half', RUN],
  [
    'the same of a program that can’t',
    once(down2),
    { recorded: [one], attempt: attempt(up2) },
    'half',
    refuse(/in between/),
  ],
  [
    'back of another’s half work',
    down2,
    { recorded: [one], attempt: attempt(up2, 'other') },
    'half',
    refuse(/didn't end/),
  ],
])('%s', (_, change, records, answer, verdict) => {
  expect(judge('main', change, records, { kind: 'version', answer })).toEqual(verdict);
});

test('nothing is done where the version can’t be told', () => {
  const said = { kind: 'unclear', why: 'the version query failed' } as const;
  for (const change of [up2, down2])
    for (const recorded of [[], [one], [one, two]])
      expect(judge('main', change, { recorded, attempt: undefined }, said)).toMatchObject({ kind: 'refuse' });
});

test('what was begun and isn’t known to have ended is told, whatever the query says', () => {
  for (const [change, told] of [
    [up2, "an upgrade from version 1 to 2 is under way, or was begun and didn't end"],
    [down2, "the way back from version 2 to 1 is under way, or was begun and didn't end"],
  ] as const)
    for (const answer of ['one', 'two', 'half'])
      expect(standing({ recorded: [one], attempt: attempt(change) }, { kind: 'version', answer })).toEqual({
        schemaVersion: 1,
        drift: [told],
      });
});

test('a program runs only from where its document begins, or where itself was begun', () => {
  const answers = fc.constantFrom<string | null>(null, 'one', 'two', 'half');
  fc.assert(
    fc.property(
      fc.constantFrom(up2, down2, once(up2), once(down2)),
      fc.constantFrom([], [one], [one, two]),
      fc.constantFrom(undefined, attempt(up2), attempt(down2), attempt(up2, 'other')),
      answers,
      (change, recorded, attempted, answer) => {
        const records = { recorded, attempt: attempted };
        const verdict = judge('main', change, records, { kind: 'version', answer });
        const own = [up2, down2].some((each) => each.migration.file.digest === attempted?.digest);
        if (verdict.kind === 'run') expect(answer === change.start || own).toBe(true);
        // And nothing is taken for done that the query doesn't say.
        const top = recorded.at(-1)?.answer ?? null;
        if (verdict.kind === 'there') expect([top, change.goal]).toContain(answer);
        if (verdict.kind === 'there' && !attempted)
          expect(standing(records, { kind: 'version', answer }).drift).toBeUndefined();
      },
    ),
  );
});
