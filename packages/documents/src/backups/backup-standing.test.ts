import { expect, test } from 'vitest';
import { type BackupStanding, readBackupStanding, standingLines, wrongWithBackup } from './backup-standing.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const good = { id: 'bk-b', at: NOW - HOUR, tookMs: 900, bytes: 46_000, holds: '2 refs, 3 commits' };
const drill = { id: 'bk-b', at: NOW - HOUR, ok: true, because: [] as string[], tookMs: 2_100, seen: ['2 refs'] };
const sound: BackupStanding = {
  ...{ v: 1, name: 'platform', kind: 'git', source: 'Git repository /x', vault: 'folder /v' },
  ...{ everyMs: 24 * HOUR, since: NOW - 90 * HOUR, failures: 0, sinceDrill: 0, findings: [], unreadable: [] },
  ...{ last: { at: NOW - HOUR, ok: true }, good, drill, sound: { id: 'bk-b', at: NOW - HOUR } },
};
const { good: _, drill: __, sound: ___, ...none } = sound;

test.each<[string, BackupStanding, readonly string[]]>([
  ['a fresh one that came back', sound, []],
  ['one that is twice as old as its schedule', { ...sound, good: { ...good, at: NOW - 48 * HOUR } }, []],
  ['one that is older', { ...sound, good: { ...good, at: NOW - 48 * HOUR - 1 } }, ['one is due each 1 d']],
  ['none in that time', none, ['no backup was taken in']],
  ['none yet, since it is declared since now', { ...none, since: NOW }, []],
  ['one of tomorrow', { ...sound, good: { ...good, at: NOW + 1 } }, ['set the clock right']],
  ['a failed try', { ...sound, last: { at: NOW, ok: false, why: 'ENOSPC' } }, ['the last try failed: ENOSPC']],
  [
    'a failed drill',
    { ...sound, drill: { ...drill, ok: false, because: ['refs/x did not come back'] } },
    ['refs/x did not come back'],
  ],
  ['none that ever came back', { ...none, good }, ['none was ever brought back in a drill']],
  ['a state that went back', { ...sound, findings: ['bk-b has serial 3'] }, ['until a person says that it is right']],
  ['one that isn’t right', { ...sound, unreadable: ['bk-c: it is of other'] }, ['a person has to look at it']],
  ['older ones that stay', { ...sound, notRemoved: 'EROFS' }, ['older ones couldn’t be removed: EROFS']],
])('of %s is wrong what has to be', (_what, standing, expected) => {
  expect(wrongWithBackup(standing, NOW)).toEqual(expected.map((part) => expect.stringContaining(part)));
  expect(standingLines(standing, NOW).filter((line) => line.startsWith('  WRONG: '))).toHaveLength(expected.length);
  expect(readBackupStanding(JSON.stringify(standing))).toEqual(standing);
});

test('what would be lost is nothing while the source is as it was, and else what changed since', () => {
  const lost = (source?: Parameters<typeof standingLines>[2]) =>
    standingLines(sound, NOW, source).find((line) => line.startsWith('  lost'));
  expect(lost({ moved: false, words: 'is as it was' })).toMatch(/nothing$/);
  expect(lost({ moved: true, words: 'has moved since' })).toMatch(/the last 1 h$/);
  expect(lost({ unknown: 'away' })).toMatch(/the last 1 h$/);
  expect(lost()).toMatch(/the last 1 h$/);
});

test.each(['', '{', 'null', '{"v":2}', JSON.stringify({ ...sound, more: 1 })])('%j is nothing of ours', (text) => {
  expect(readBackupStanding(text)).toBeUndefined();
});
