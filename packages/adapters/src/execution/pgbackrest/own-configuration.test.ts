/** What pgBackRest and PostgreSQL are told, what they say, and what a cell's configuration may not ask: without either of them. */
import { describe, expect, test } from 'vitest';
import { archivingSettings, configurationText, restoreCommand } from './own-configuration.ts';
import { PgBackRestConfig } from './pgbackrest-config.ts';
import { pgbackrestProblems } from './pgbackrest-problems.ts';
import { problemsOf } from './read-verify.ts';
import { typeOfBackup } from './take-backup.ts';
import { failureWords } from './words.ts';

const config = PgBackRestConfig.parse({
  stanza: 'main',
  repository: { kind: 'folder', dir: '/mnt/points' },
  passphraseFile: '/etc/headgate/passphrase',
});
const WHOLE = `stanza: main
status: ok
  archiveId: 15-1, total WAL checked: 2, total valid WAL: 2
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261122-014008F, status: valid, total files checked: 964, total valid files: 964
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
`;
const needed = {
  labels: ['20261122-014008F'],
  firstWal: '000000010000000000000002',
  lastWal: '000000010000000000000003',
};

describe('pgBackRest’s configuration', () => {
  test('is encrypted in any case, and no value of it begins a line of its own', () => {
    const own = { config, dir: '/store/pgbackrest', data: '/store/data', port: 1, secrets: { passphrase: 'x y' } };
    expect(configurationText(own)).toContain('repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=x y\n');
    for (const passphrase of ['a\nrepo1-cipher-type=none', ' a', ''])
      expect(() => configurationText({ ...own, secrets: { passphrase } })).toThrow("repo1-cipher-pass can't be told");
  });

  test('what a shell is given by PostgreSQL stays one word, whatever the folder is called', () => {
    const { archive_command } = archivingSettings(config, "/it's 100% ours");
    expect(archive_command).toContain(`--config='/it'\\''s 100%% ours/pgbackrest.conf'`);
    expect(restoreCommand(config, '/a b/c', '/d')).toContain(`--config='/a b/c'`);
  });

  test('a piece of the log that can’t be read ends recovery for good, and one that isn’t there doesn’t', () => {
    expect(restoreCommand(config, '/c', '/d')).toMatch(/; got=\$\?; \[ \$got -le 1 \] && exit \$got; exit 126$/);
  });

  test('what a store with pgBackRest can’t have is refused with its place', () => {
    const store = { clusterDir: '/store', port: 5432, files: [], pgbackrest: config };
    expect(pgbackrestProblems({ stores: { main: store } })).toEqual([]);
    const wrong = pgbackrestProblems({
      stores: {
        main: { ...store, files: ['attachments'] },
        second: { ...store, clusterDir: `/${'long/'.repeat(30)}` },
      },
    }).join('\n');
    for (const place of ['stores.main.files', 'stores.second.clusterDir', 'stores.second.pgbackrest.stanza'])
      expect(wrong).toContain(place);
  });
});

describe('what a verification printed', () => {
  test('is whole only where it says so of the backup, of each it is built on, and of the log', () => {
    expect(problemsOf(WHOLE, needed)).toEqual([]);
    expect(problemsOf('', needed)).toEqual([
      'nothing is said of the log',
      'the backup 20261122-014008F wasn’t looked at: it or its manifest is gone',
    ]);
    expect(problemsOf(WHOLE, { ...needed, labels: ['20261121-014008F'] })).toHaveLength(1);
    expect(problemsOf(WHOLE.replace('valid files: 964', 'valid files: 963'), needed)).toHaveLength(1);
    expect(problemsOf(WHOLE.replace('valid WAL: 2', 'valid WAL: 1'), needed)).toHaveLength(1);
    expect(problemsOf(WHOLE.replace('missing: 0', 'missing: 3'), needed)).toHaveLength(1);
  });

  test('a segment of the log that isn’t needed for it may be damaged', () => {
    const bad = (segment: string) =>
      `P01   INFO: invalid checksum '15-1/0000000100000000/${segment}-d039b264a63a5167ee16891516b1cd8f7f82a3b4.zst'\n${WHOLE.replace('valid WAL: 2', 'valid WAL: 1')}`;
    expect(problemsOf(bad('000000010000000000000001'), needed)).toEqual([]);
    expect(problemsOf(bad('000000010000000000000003'), needed)).toEqual([
      'the log’s segment 000000010000000000000003: invalid checksum',
    ]);
  });
});

test('of what it says in an error only plain text is told', () => {
  const raw = 'ERROR: [029]: unable to load info file\n       FormatError: key \u0002\ufffd';
  expect(failureWords(29, raw)).toBe(
    'what lies there can’t be read: the passphrase is another one, or it was damaged — unable to load info file (exit code 29)',
  );
  expect(failureWords(29, 'ERROR: [029]: \u0002\ufffd')).not.toContain('\ufffd');
  expect(failureWords(undefined, '')).toBe('it was ended before it was through');
});

test('a restore point is a full backup when there is none, or the last one is old', () => {
  const at = (type: 'full' | 'incr', stop: number) => ({ type, timestamp: { start: stop, stop } }) as never;
  expect(typeOfBackup([], 60_000, 0)).toBe('full');
  expect(typeOfBackup([at('full', 100), at('incr', 159)], 60_000, 159_999)).toBe('incr');
  expect(typeOfBackup([at('full', 100), at('incr', 159)], 60_000, 160_000)).toBe('full');
});
