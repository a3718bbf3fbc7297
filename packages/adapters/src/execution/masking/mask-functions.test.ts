import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { type Cluster, openCluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { MaskKeys } from './mask-keys.ts';
import { FUNCTIONS } from './run-record.ts';

const key = new MaskKeys('a key that is long enough for any test of ours').of('test');
const other = new MaskKeys('another key, as long as any key must be').of('test');
let dir: string;
let cluster: Cluster;
let client: pg.Client;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-mask-functions-'));
  await chmod(dir, 0o755); // as root the cluster runs as another user
  cluster = await openCluster({ dir: join(dir, 'cluster'), port: await freePort() }, await findPrograms(15, dir));
  client = new pg.Client(await cluster.connection());
  await client.connect();
  await client.query('create schema headgate_copy');
  for (const sql of FUNCTIONS) await client.query(sql);
});
afterAll(async () => {
  await client?.end();
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** What a function makes of values, in their order. `$1` is the key, `v` the value. */
async function made(call: string, values: readonly string[], by = key): Promise<string[]> {
  const { rows } = await client.query<{ m: string }>(
    `select (headgate_copy.${call})::text as m from unnest($2::text[]) with ordinality as each(v, i) where $1::bytea is not null order by i`,
    [by, values],
  );
  return rows.map(({ m }) => m);
}

/** Digits as 0, letters as A and a: what must stay. */
const form = (text: string): string => text.replace(/[0-9]/g, '0').replace(/[A-Z]/g, 'A').replace(/[a-z]/g, 'a');

const sampled = <T>(arbitrary: fc.Arbitrary<T>, numRuns = 400): T[] => fc.sample(arbitrary, { numRuns, seed: 7 });
const codes = [...new Set(sampled(fc.stringMatching(/^[A-Za-z0-9 äß/._-]{1,40}$/)))];

describe('code and phone', () => {
  test.each(['mask_code($1, v, 0)', 'mask_code($1, v, 3)', 'mask_digits($1, v, 3)'])(
    '%s keeps the form of every value, is the same each time, and another with another key',
    async (call) => {
      const masks = await made(call, codes);
      expect(masks.map(form)).toEqual(codes.map(form));
      expect(new Set(masks).size).toBe(codes.length);
      expect(await made(call, codes)).toEqual(masks);
      const long = codes.filter((code) => /[A-Za-z0-9]{8}/.test(code));
      const others = await made(call, long, other);
      expect(others.filter((mask, i) => mask === masks[codes.indexOf(long[i] as string)])).toEqual([]);
    },
  );

  test.each([
    ['mask_code($1, v, 0)', 3],
    ['mask_digits($1, v, 0)', 4],
    ['mask_digits($1, v, 0)', 5],
  ])('%s is a permutation of all numbers of %d digits', async (call, width) => {
    const all = Array.from({ length: 10 ** width }, (_, n) => String(n).padStart(width, '0'));
    const masks = await made(call, all);
    expect([...masks].sort()).toEqual(all);
    // By chance one value in so many stays: one in all, and a few more.
    expect(masks.filter((mask, i) => mask === all[i]).length).toBeLessThan(10);
  });

  test('signs of telephone numbers stay, and so do the first characters', async () => {
    const numbers = ['+49 (30) 901820-14', '+493090182014', '0049/30/901820', '030 901820'];
    const masks = await made('mask_digits($1, v, 3)', numbers);
    expect(masks.map(form)).toEqual(numbers.map(form));
    expect(masks.map((mask) => mask.slice(0, 3))).toEqual(numbers.map((number) => number.slice(0, 3)));
  });
});

describe('numbers', () => {
  test('of two digits are a permutation, and larger ones keep sign, digits and type', async () => {
    const two = Array.from({ length: 90 }, (_, n) => String(n + 10));
    expect((await made('mask_number($1, v::int8)', two)).sort()).toEqual(two);
    const all = [
      ...new Set(sampled(fc.bigInt(-(10n ** 18n) + 1n, 10n ** 18n - 1n)).map(String)),
      '0',
      '-7',
      '2147483647',
      '2147483648',
      '32767',
    ];
    const values = [...new Set(all)];
    const masks = await made('mask_number($1, v::int8)', values);
    expect(new Set(masks).size).toBe(values.length);
    expect(masks.map((mask) => mask.length)).toEqual(values.map((value) => value.length));
    const small = (value: string): boolean => Math.abs(Number(value)) <= 2_147_483_647;
    expect(masks.map(small)).toEqual(values.map(small));
  });

  test('amounts change by at most so many percent, to the cent', async () => {
    const values = sampled(fc.integer({ min: -10_000_000, max: 10_000_000 })).map((cents) => (cents / 100).toFixed(2));
    const masks = await made('mask_amount($1, v::numeric, 5, 2)', values);
    masks.forEach((mask, i) => {
      expect(Math.abs(Number(mask) - Number(values[i]))).toBeLessThanOrEqual(
        Math.abs(Number(values[i])) * 0.05 + 0.005,
      );
      expect(mask).toMatch(/^-?\d+\.\d{2}$/);
    });
    // Of small ones 5 % are less than a cent.
    const large = masks.filter((_, i) => Math.abs(Number(values[i])) > 100);
    expect(large.length).toBeGreaterThan(100);
    expect(large.filter((mask) => values.includes(mask)).length).toBeLessThan(10);
  });
});

describe('check digits', () => {
  /** ISO 7064, mod 97, in a way of its own. */
  const iban97 = (iban: string): bigint =>
    BigInt([...`${iban.slice(4)}${iban.slice(0, 4)}`].map((c) => Number.parseInt(c, 36)).join('')) % 97n;
  const luhnHolds = (card: string): boolean =>
    [...card].reverse().reduce((sum, c, i) => sum + (i % 2 === 0 ? +c : [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][+c]!), 0) %
      10 ===
    0;

  test('of accounts hold, country and form stay', async () => {
    // Examples that registries publish.
    const ibans = [
      'DE89370400440532013000',
      'GB29NWBK60161331926819',
      'FR1420041010050500013M02606',
      'NO9386011117947',
      'DE89 3704 0044 0532 0130 00',
    ];
    const masks = await made('mask_iban($1, v)', ibans);
    for (const [i, mask] of masks.entries()) {
      expect(iban97(mask.replaceAll(' ', ''))).toBe(1n);
      expect(mask.slice(0, 2)).toBe(ibans[i]?.slice(0, 2));
      expect(form(mask)).toBe(form(ibans[i] as string));
      expect(mask).not.toBe(ibans[i]);
    }
    // The same account, however it is written.
    expect(masks[4]?.replaceAll(' ', '')).toBe(masks[0]);
    expect(iban97('DE89370400440532013001')).not.toBe(1n);
  });

  test('of cards and German tax numbers hold', async () => {
    const cards = ['4111111111111111', '5500 0000 0000 0004', '340000000000009'];
    for (const [i, mask] of (await made('mask_card($1, v)', cards)).entries()) {
      expect(luhnHolds(mask.replaceAll(' ', '')), mask).toBe(true);
      expect(mask.slice(0, 4)).toBe(cards[i]?.slice(0, 4));
      expect(form(mask)).toBe(form(cards[i] as string));
    }
    const [vat] = await made('mask_tax_id($1, v)', ['DE136695976']);
    let product = 10;
    for (const digit of vat!.slice(2, 10)) product = (((+digit + product) % 10 || 10) * 2) % 11;
    expect((11 - product) % 10).toBe(Number(vat!.at(-1)));
    expect(vat).toMatch(/^DE\d{9}$/);
  });
});

describe('made words', () => {
  test.each([
    ['mask_full_name($1, v)', /^[A-Z][a-z]{7} [A-Z][a-z]{7}$/],
    ['mask_first_name($1, v)', /^[A-Z][a-z]{7}$/],
    ['mask_last_name($1, v)', /^[A-Z][a-z]{7}$/],
    ["mask_email($1, v, 'example.org')", /^[a-z]{8}\.[0-9a-f]{12}@example\.org$/],
    ['mask_address($1, v)', /^[A-Z][a-z]{7} \d{1,3}$/],
    ['mask_ip($1, v)', /^./],
  ])('%s gives values of one form, the same for the same', async (call, expected) => {
    const masks = await made(call, codes);
    for (const mask of masks) expect(mask).toMatch(expected);
    expect(await made(call, codes)).toEqual(masks);
    if (!call.startsWith('mask_address')) expect(new Set(masks).size).toBeGreaterThanOrEqual(codes.length - 1);
  });

  test('addresses of machines stay addresses of their kind, different ones different', async () => {
    const four = Array.from({ length: 5_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
    const masks = await made('mask_ip($1, v::inet)', four);
    expect(new Set(masks).size).toBe(four.length);
    const [six, net] = await made('mask_ip($1, v::inet)', ['2001:db8::7', '10.1.2.0/24']);
    expect(six).toMatch(/^fd[0-9a-f]{2}:/);
    expect(net).toMatch(/\/24$/);
  });

  test('days move by at most so many, by the same for one person, and never by nothing', async () => {
    const people = Array.from({ length: 300 }, (_, i) => `p${i}`);
    const moved = (day: string) =>
      made(`mask_date($1, date '${day}', v, 14) - date '${day}'`.replace('headgate_copy.', ''), people);
    const offsets = (await moved('2024-03-01')).map(Number);
    expect(Math.min(...offsets)).toBe(-14);
    expect(Math.max(...offsets)).toBe(14);
    expect(offsets).not.toContain(0);
    expect((await moved('1970-12-31')).map(Number)).toEqual(offsets);
  });

  test('in JSON what stands in the named fields is masked, however deep, and nothing else', async () => {
    const value = { email: 'a@b.example', n: 1, list: [{ email: ['c@d.example', null, 5] }], other: 'a@b.example' };
    const [json] = await made(`mask_json(array[$1::bytea], v::jsonb, '{"email": "email:1"}')`, [JSON.stringify(value)]);
    const [a, c] = await made("mask_email($1, v, 'example.org')", ['a@b.example', 'c@d.example']);
    const [five] = await made('mask_digits($1, v, 0)', ['5']);
    const list = [{ email: [c, null, Number(five)] }];
    expect(JSON.parse(json!)).toEqual({ email: a, n: 1, list, other: 'a@b.example' });
  });
});
