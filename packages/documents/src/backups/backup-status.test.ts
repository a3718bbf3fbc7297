import { expect, test } from 'vitest';
import { type BackupStatus, backupLines, readBackupStatus, wrongWithBackups } from './backup-status.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const good = { name: 'headgate-b', at: NOW - HOUR, tookMs: 900, bytes: 46_000_000, entries: 70, sum: 'abc' };
const drill = {
  ...{ name: 'headgate-b', at: NOW - HOUR, ok: true, because: [] as string[] },
  ...{ tookMs: 2_100, entries: 70, lostEntries: 3, lostMs: 60_000 },
};
const sound: BackupStatus = {
  ...{ v: 1, to: '/backups', everyMs: 24 * HOUR, keep: 7, since: NOW - 90 * HOUR, sinceDrill: 0 },
  ...{ last: { at: NOW - HOUR, ok: true }, good, drill, soundDrillAt: drill.at },
};
const { good: _, ...none } = sound;

test.each<[string, BackupStatus, readonly string[]]>([
  ['a fresh one that was drilled', sound, []],
  ['one that is twice as old as its schedule', { ...sound, good: { ...good, at: NOW - 48 * HOUR } }, []],
  [
    'one that is older than that',
    { ...sound, good: { ...good, at: NOW - 48 * HOUR - 1 } },
    ['is 48.0 h old, one is due each 24.0 h'],
  ],
  ['none in that time', none, ['no backup was taken in 90.0 h']],
  ['none yet, since it is told to since now', { ...none, since: NOW }, []],
  ['one of tomorrow', { ...sound, good: { ...good, at: NOW + 1 } }, ['set the clock right']],
  ['a failed try', { ...sound, last: { at: NOW, ok: false, why: 'ENOSPC' } }, ['the last try failed: ENOSPC']],
  [
    'a failed drill',
    { ...sound, drill: { ...drill, ok: false, because: ['entry 5 of the log is missing'] } },
    ['entry 5 of the log is missing'],
  ],
])('of %s is wrong what has to be', (_what, status, expected) => {
  const wrong = wrongWithBackups(status, NOW);
  expect(wrong).toEqual(expected.map((part) => expect.stringContaining(part)));
  expect(backupLines(status, NOW).filter((line) => line.startsWith('  WRONG: '))).toHaveLength(expected.length);
  expect(readBackupStatus(JSON.stringify(status))).toEqual(status);
});

test.each(['', '{', 'null', '{"v":2}', JSON.stringify({ ...sound, more: 1 })])('%j is no status of ours', (text) => {
  expect(readBackupStatus(text)).toBeUndefined();
});
