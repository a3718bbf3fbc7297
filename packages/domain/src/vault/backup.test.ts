import { expect, test } from 'vitest';
import {
  backupDueAt,
  drillIsDue,
  type GitPromise,
  judgeGitRestore,
  judgeStateRestore,
  type KeptState,
  stateFindings,
} from './backup.ts';

const git: GitPromise = {
  head: 'refs/heads/main',
  refs: [
    { name: 'refs/heads/main', oid: 'a' },
    { name: 'refs/tags/v1', oid: 'b' },
  ],
  commits: 3,
  newest: { oid: 'a', tree: 't', files: 2 },
};

test.each<[string, GitPromise, readonly string[]]>([
  ['all of it', git, []],
  [
    'another branch’s end',
    { ...git, refs: [{ name: 'refs/heads/main', oid: 'x' }, git.refs[1]!] },
    ['refs/heads/main came back as x, a was promised'],
  ],
  ['a ref too few', { ...git, refs: [git.refs[0]!] }, ['refs/tags/v1 did not come back']],
  [
    'a ref too many',
    { ...git, refs: [...git.refs, { name: 'refs/x', oid: 'x' }] },
    ['refs/x came back, and was never promised'],
  ],
  [
    'another HEAD',
    { refs: git.refs, commits: 3, newest: git.newest! },
    ['HEAD came back as nothing, refs/heads/main was promised'],
  ],
  ['fewer commits', { ...git, commits: 2 }, ['the number of commits came back as 2, 3 was promised']],
  ['another tree', { ...git, newest: { ...git.newest!, tree: 'u' } }, ['its tree came back as u, t was promised']],
  [
    'fewer files',
    { ...git, newest: { ...git.newest!, files: 1 } },
    ['the number of files in it came back as 1, 2 was promised'],
  ],
])('of a repository that came back with %s it says so', (_what, back, expected) => {
  expect(judgeGitRestore(git, back)).toEqual(expected);
});

test('of a thousand refs that differ a few are named, and the rest is counted', () => {
  const refs = Array.from({ length: 1_000 }, (_, i) => ({ name: `refs/heads/${i}`, oid: 'a' }));
  const because = judgeGitRestore({ refs, commits: 0 }, { refs: [], commits: 0 });
  expect(because).toHaveLength(6);
  expect(because.at(-1)).toContain('995 other refs');
});

test('of a state that came back every number counts', () => {
  const state = { version: 4, writtenBy: '1', lineage: 'l', serial: 3, resources: { vm: 2 } };
  expect(judgeStateRestore(state, { ...state, writtenBy: '2' })).toEqual([]);
  expect(
    judgeStateRestore(state, { version: 3, writtenBy: '1', lineage: 'm', serial: 4, resources: { ip: 1 } }),
  ).toEqual([
    'the version came back as 3, 4 was promised',
    'the lineage came back as m, l was promised',
    'the serial came back as 4, 3 was promised',
    'the number of ip came back as 1, 0 was promised',
    'the number of vm came back as 0, 2 was promised',
  ]);
});

test.each<[string, readonly (readonly [string, number])[], number | undefined, number]>([
  [
    'that rises',
    [
      ['l', 1],
      ['l', 1],
      ['l', 4],
    ],
    undefined,
    0,
  ],
  [
    'that goes back',
    [
      ['l', 4],
      ['l', 1],
    ],
    undefined,
    1,
  ],
  [
    'that goes back twice',
    [
      ['l', 4],
      ['l', 1],
      ['l', 5],
      ['l', 2],
    ],
    undefined,
    2,
  ],
  [
    'of two states',
    [
      ['l', 1],
      ['m', 9],
    ],
    undefined,
    1,
  ],
  [
    'that a person accepted',
    [
      ['l', 4],
      ['l', 1],
      ['l', 2],
    ],
    1,
    0,
  ],
  [
    'that a person accepted, and that goes back anew',
    [
      ['l', 4],
      ['l', 2],
      ['l', 1],
    ],
    1,
    1,
  ],
  ['of one', [['l', 4]], undefined, 0],
])('a row of states %s has as many findings as it has', (_what, row, acceptedAt, expected) => {
  const states = row.map(([lineage, serial], i) => ({ id: `bk-${i}`, takenAt: i, lineage, serial, resources: 3 }));
  expect(stateFindings(states, acceptedAt)).toHaveLength(expected);
  expect(stateFindings(states.toReversed(), acceptedAt)).toHaveLength(expected);
});

const OTHER = 'has the serial 7 that bk-0 before it has, and holds something else';
test.each<
  [what: string, row: readonly Partial<KeptState>[], acceptedAt: number | undefined, expected: readonly string[]]
>([
  ['of one content', [{ sum: 'a' }, { sum: 'a' }], undefined, []],
  ['of another content under a higher serial', [{ sum: 'a' }, { sum: 'b', serial: 8 }], undefined, []],
  ['of another content under the same serial', [{ sum: 'a' }, { sum: 'b' }], undefined, [`bk-1 ${OTHER}`]],
  ['whose content isn’t known', [{}, { sum: 'b' }], undefined, []],
  ['of which one between isn’t known', [{ sum: 'a' }, {}, { sum: 'b' }], undefined, [`bk-2 ${OTHER}`]],
  ['with fewer resources under the same serial', [{}, { resources: 2 }], undefined, [`bk-1 ${OTHER}`]],
  [
    'that was emptied under a higher serial',
    [{ resources: 200 }, { resources: 0, serial: 8 }, { resources: 0, serial: 9 }],
    undefined,
    ['bk-1 holds no resources, and bk-0 before it had 200: it was emptied'],
  ],
  [
    'that was emptied under the same serial',
    [{ resources: 200 }, { resources: 0 }],
    undefined,
    ['bk-1 holds no resources, and bk-0 before it had 200: it was emptied'],
  ],
  ['that begins empty', [{ resources: 0 }, { resources: 5, serial: 8 }], undefined, []],
  [
    'that a person said is right',
    [
      { sum: 'a', resources: 9 },
      { sum: 'b', resources: 0 },
    ],
    1,
    [],
  ],
])('a row of states %s says what of it is odd', (_what, row, acceptedAt, expected) => {
  const states = row.map((more, i) => ({ id: `bk-${i}`, takenAt: i, lineage: 'l', serial: 7, resources: 3, ...more }));
  expect(stateFindings(states, acceptedAt)).toEqual(expected);
});

test.each<[string, Parameters<typeof backupDueAt>[1], number]>([
  ['none yet', { failures: 0 }, 0],
  ['one', { failures: 0, goodAt: 4_000 }, 14_000],
  ['one of tomorrow', { failures: 0, goodAt: 6_000 }, 0],
  ['one, and a failure since', { failures: 1, goodAt: 0, triedAt: 4_900 }, 14_900],
  ['a failure of tomorrow', { failures: 1, triedAt: 9_000 }, 15_000],
])('with %s the next is due at its time', (_what, attempts, expected) => {
  expect(backupDueAt(10_000, attempts, 5_000)).toBe(expected);
});

test('the first is drilled, then each k-th, and every one after a drill that failed', () => {
  expect(drillIsDue(3, { sinceDrill: 1, lastWell: undefined })).toBe(true);
  expect(drillIsDue(3, { sinceDrill: 2, lastWell: true })).toBe(false);
  expect(drillIsDue(3, { sinceDrill: 3, lastWell: true })).toBe(true);
  expect(drillIsDue(3, { sinceDrill: 1, lastWell: false })).toBe(true);
});
