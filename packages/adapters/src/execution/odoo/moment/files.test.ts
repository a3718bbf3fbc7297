/** What a tenant's rows ask for, and whether what lies in a folder is that. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeFiles } from './judge-files.ts';
import { fileOf, type NamedFile, NamedFilesOf } from './named-files.ts';
import { placeFiles } from './place-files.ts';

const sha1Of = (text: string): string => createHash('sha1').update(text).digest('hex');
const named = (text: string): NamedFile & { readonly size: number } => {
  const sha1 = sha1Of(text);
  return { name: `${sha1.slice(0, 2)}/${sha1}`, sha1, size: text.length };
};
const never = new AbortController().signal;

describe('a row of an attachment', () => {
  const { name, sha1 } = named('a');
  test.for<[string, string | null, string | null, object]>([
    [name, sha1, '1', { name, sha1, size: 1 }],
    // Older rows may lack both.
    [name, null, null, { name, sha1 }],
    [name, sha1Of('b'), '1', { name, why: 'its row has another checksum than the file’s name' }],
    [name, sha1, '-1', { name, why: 'its row has no number of bytes that a file can have' }],
    ['../../etc/passwd', null, '1', { name: '../../etc/passwd', why: 'its row names no file of Odoo’s filestore' }],
    [`00/${sha1Of('c')}`, null, '1', { name: `00/${sha1Of('c')}`, why: 'its row names no file of Odoo’s filestore' }],
    [`${name}\n`, sha1, '1', { why: 'its row names no file of Odoo’s filestore' }],
  ])('%s with the checksum %s and %s bytes', ([store, checksum, size, expected]) => {
    expect(fileOf({ name: store, checksum, size })).toMatchObject(expected);
  });

  test('two rows of one content name one file, and can’t differ in its size', () => {
    const all = new NamedFilesOf();
    for (const size of [null, '1', '1', '2']) all.add({ name, checksum: sha1, size });
    expect([...all.files.values()]).toEqual([{ name, sha1, size: 1 }]);
    expect(all.wrong).toEqual([{ name, why: 'its rows say 1 and 2 bytes' }]);
    expect(all.rows).toBe(4);
  });
});

describe('files are laid out', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-files-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const put = async (source: string, file: NamedFile, text: string): Promise<void> => {
    const path = join(dir, source, file.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };

  test('each from the first place that has it as it has to be; what is otherwise is told, and nothing of it stays', async () => {
    const [whole, flipped, gone, link] = ['whole', 'flipped', 'gone', 'link'].map(named) as [
      NamedFile,
      NamedFile,
      NamedFile,
      NamedFile,
    ];
    await put('first', whole, 'whole');
    await put('second', whole, 'whole');
    await put('first', flipped, 'flippee');
    await put('second', flipped, 'flipped');
    await put('third', link, 'link');
    await mkdir(dirname(join(dir, 'first', link.name)), { recursive: true });
    await symlink(join(dir, 'third', link.name), join(dir, 'first', link.name));
    const placed = await placeFiles(
      [whole, flipped, gone, link],
      ['first', 'second', 'nowhere'].map((what) => ({ what, dir: join(dir, what) })),
      join(dir, 'to'),
      never,
    );
    expect(Object.fromEntries(placed.from)).toEqual({ first: 1, second: 1 });
    expect(placed.bytes).toBe(12);
    expect(placed.otherwise).toEqual([
      {
        name: flipped.name,
        why: `in first its content isn’t what its name says (SHA-1 ${sha1Of('flippee')})`,
      },
    ]);
    expect(placed.nowhere.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
      [gone, link].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
    expect(await readFile(join(dir, 'to', flipped.name), 'utf8')).toBe('flipped');
    const files = (await readdir(join(dir, 'to'), { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
    expect(files).toHaveLength(2);
  });

  test('one that is longer than its row says isn’t it', async () => {
    const file = named('right');
    await put('sized', file, 'right');
    const placed = await placeFiles(
      [{ ...file, size: 4 }],
      [{ what: 'sized', dir: join(dir, 'sized') }],
      join(dir, 'sized-to'),
      never,
    );
    expect(placed.otherwise).toEqual([{ name: file.name, why: 'in sized it has 5 bytes, and its row says 4' }]);
    expect(placed.nowhere).toHaveLength(1);
  });
});

describe('what is lacking', () => {
  const found = {
    ...{ store: 'ada', files: 30, wrong: [], otherwise: [], looked: ['the live filestore'], unblock: 'a backup' },
    lacking: undefined,
  };
  const nowhere = Array.from({ length: 12 }, (_, i) => named(`${i}`));

  test('nothing: that is said to be so', () => {
    expect(judgeFiles({ ...found, nowhere: [] })).toEqual({ ok: true, value: [] });
  });

  test('is refused, the first ten by their names, and all of them counted', () => {
    const refused = judgeFiles({ ...found, nowhere, wrong: [{ name: '?', why: 'strange' }] });
    expect(refused).toMatchObject({ ok: false, why: expect.stringMatching(/^of 31 files .* 13 can’t be had: /) });
    expect(refused).toMatchObject({
      why: expect.stringContaining(`${nowhere[9]!.name} (missing, 1 bytes), and 3 more`),
    });
    expect(refused).toMatchObject({ why: expect.stringContaining('What helps: a backup; or, ') });
  });

  test.for([11, 13])('is refused where a person said %i of 12', (lacking) => {
    expect(judgeFiles({ ...found, nowhere, lacking })).toMatchObject({ ok: false });
  });

  test('nothing, and a person said one: that is refused', () => {
    const why = expect.stringContaining('no file of ada is lacking, and --lacking says 1');
    expect(judgeFiles({ ...found, nowhere: [], lacking: 1 })).toMatchObject({ ok: false, why });
  });

  test('is told where a person said exactly that', () => {
    const judged = judgeFiles({ ...found, nowhere, lacking: 12 });
    expect(judged.ok && judged.value).toHaveLength(12);
  });
});
