import type { Wait } from '@headgate/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesOfBoth } from './cells.ts';
import { mailLink, phoneLink, webLink } from './contacts.ts';
import { dataText, entryOf } from './entries.ts';
import { byEnvironment, type StatusCell } from './environments.ts';
import { scopeWords } from './freezes.ts';
import { awayText, instantText, spanText } from './instants.ts';
import { heldStands, matterStands } from './matters.ts';
import { counted, promotionStands, rolloutStands, stepStands, verdictStands, wavesDone } from './stands.ts';
import { shortDigest, visible, withShortDigests } from './visible.ts';
import { peopleOf, promotionOf, waitsForPeople } from './waits.ts';

describe('a text of somebody else’s', () => {
  it.each([
    ['gpj\u202Eexe', 'gpj‹U+202E›exe'],
    ['a\u0000b\u001B[31m', 'a‹U+0000›b‹U+001B›[31m'],
    ['in\u200Bvoice\u00AD', 'in‹U+200B›voice‹U+00AD›'],
    ['\u2066x\u2069\u2028', '‹U+2066›x‹U+2069›‹U+2028›'],
    ['\u{E0041}', '‹U+E0041›'],
    ['a line\nand\ttab', 'a line\nand\ttab'],
    ['שלום, žluťoučký kůň, 👩‍🔧', 'שלום, žluťoučký kůň, 👩‍🔧'],
    ['pro\u034Fduction', 'pro‹U+034F›duction'],
    ['pro\uFE01duction', 'pro‹U+FE01›duction'],
    ['pro\uFE0Fduction', 'pro‹U+FE0F›duction'],
    ['pro\u{E0101}duction', 'pro‹U+E0101›duction'],
    ['pro\u17B4du\u180Bc\u2800tion', 'pro‹U+17B4›du‹U+180B›c‹U+2800›tion'],
    ['pro\u200Dduction', 'pro‹U+200D›duction'],
    ['x\u200D👩, 👩\u200Dx, 👩\u200D', 'x‹U+200D›👩, 👩‹U+200D›x, 👩‹U+200D›'],
    ['1\uFE0F2', '1‹U+FE0F›2'],
    ['❤\uFE0F\uFE0F', '❤\uFE0F‹U+FE0F›'],
    ...['❤\uFE0F', '☎\uFE0E', '1\uFE0F\u20E3', '🏳\uFE0F\u200D🌈', '👩🏽\u200D🔧', '👨\u200D🦰'].map((each) => [
      each,
      each,
    ]),
    ['<b>&amp;</b>', '<b>&amp;</b>'],
  ])('%j is shown as %j', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it('holds nothing unseen afterwards, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = visible(text).replace(/[\n\t]|(?<=\p{Emoji}\uFE0F?)[\u200D\uFE0E\uFE0F]/gu, '');
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u);
      }),
    );
  });

  it('has its digests cut, and nothing else', () => {
    const digest = `sha256:${'ab12'.repeat(16)}`;
    expect(withShortDigests(`envelope ${digest}, x`)).toBe('envelope sha256:ab12ab12ab12, x');
    expect(withShortDigests(`${digest}0`)).toBe(`${digest}0`);
    expect(shortDigest(digest)).toBe('ab12ab12ab12');
  });
});

describe('instants', () => {
  it('are shown with their zone', () => {
    const at = Date.UTC(2026, 0, 5, 23, 4, 5);
    expect(instantText(at, 'UTC', 'en-GB')).toBe('5 Jan 2026, 23:04:05 UTC');
    expect(instantText(at, 'Europe/Berlin', 'en-GB')).toBe('6 Jan 2026, 00:04:05 CET');
  });
  it.each([
    [0, '0 s'],
    [999, '1 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [90_000_000, '1 d 1 h'],
  ])('a span of %d ms reads %s', (ms, text) => {
    expect(spanText(ms)).toBe(text);
  });
  it.each([
    [60_000, 'in 1 min'],
    [-60_000, '1 min ago'],
    [-400, 'now'],
  ])('%d ms from now reads %s', (away, text) => {
    expect(awayText(1_000_000 + away, 1_000_000)).toBe(text);
  });
});

describe('where things stand', () => {
  it('a result says more than the phase', () => {
    expect(promotionStands({ phase: 'ended', result: 'partly-rolled-back' }).word).toBe('partly rolled back');
    expect(promotionStands({ phase: 'held' })).toEqual({ word: 'asking', tone: 'red' });
  });
  it.each([
    [{ phase: 'leased', undo: null }, 'at work'],
    [{ phase: 'leased', undo: { scope: {}, because: '' } }, 'going back'],
    [{ phase: 'asking', undo: { scope: {}, because: '' } }, 'asking'],
    [{ phase: 'settled', result: 'undone', undo: null }, 'undone'],
  ] as const)('%j reads %s', (rollout, word) => {
    expect(rolloutStands(rollout).word).toBe(word);
  });
  it('a wave counts as done when the next one is waited for, not when it opens', () => {
    expect(wavesDone({ phase: 'advancing', wave: 1 })).toBe(0);
    expect(wavesDone({ phase: 'awaiting', wave: 1 })).toBe(1);
    expect(wavesDone({ phase: 'awaiting', wave: 0 })).toBe(0);
    expect(wavesDone({ phase: 'undoing', wave: 0 })).toBe(0);
  });
  it('a step at hand is only next while its rollout waits', () => {
    expect(stepStands('at-hand').word).toBe('at hand');
    expect(stepStands('at-hand', true).word).toBe('next');
    expect(stepStands('done', true).word).toBe('done');
  });
  it('a word that a newer server says is shown as it is', () => {
    expect(verdictStands('delayed')).toEqual({ word: 'delayed', tone: 'gray' });
    expect(stepStands('skipped').word).toBe('skipped');
  });
  it('counts with a noun', () => {
    expect([counted(1, 'cell'), counted(10_000, 'tenant')]).toEqual(['1 cell', '10,000 tenants']);
  });
});

describe('environments', () => {
  const cell = (name: string, environment: string, more: Partial<StatusCell> = {}): StatusCell => ({
    name,
    environment,
    application: 'shop',
    adopted: true,
    uncertain: false,
    observedAt: 1,
    versions: { '1.0.0': 2 },
    stores: {},
    drift: [],
    ...more,
  });
  it('stand in the order of the pipeline, those that none names behind, and no cell is left out', () => {
    const cells = [cell('b', 'production'), cell('z', 'attic'), cell('a', 'staging'), cell('c', 'production')];
    const groups = byEnvironment(cells, [['staging', 'production']]);
    expect(groups.map((g) => g.environment)).toEqual(['staging', 'production', 'attic']);
    expect(groups.flatMap((g) => g.cells)).toHaveLength(4);
    expect(byEnvironment(cells, []).map((g) => g.environment)).toEqual(['attic', 'production', 'staging']);
  });
  it('show first the cells that somebody should look at, and sum tenants by release', () => {
    const cells = [
      cell('a', 'p'),
      cell('b', 'p', { drift: [{ store: 'main', why: 'odd' }], versions: { '1.1.0': 3 } }),
      cell('c', 'p', { uncertain: true }),
    ];
    const [group] = byEnvironment(cells, []);
    expect(group?.cells.map((c) => c.name)).toEqual(['b', 'c', 'a']);
    expect(group?.versions).toEqual([
      ['1.0.0', 4],
      ['1.1.0', 3],
    ]);
  });
});

describe('waits', () => {
  const wait = (who: string[], until: number, more: Partial<Wait> = {}): Wait => ({
    where: 'promotion/prm_1',
    why: '',
    until,
    after: '',
    overdue: false,
    unblock: [{ what: '', who }],
    ...more,
  });
  it('those that people end come by deadline, overdue ones first; the others are counted', () => {
    const late = wait(['operator'], 9, { overdue: true });
    const soon = wait(['approver', 'agent'], 3);
    const { people, others } = waitsForPeople([wait(['agent'], 1), wait(['admin'], 5), soon, late, wait(['time'], 2)]);
    expect(people.map((w) => w.until)).toEqual([9, 3, 5]);
    expect(others).toBe(2);
    expect(peopleOf(soon)).toEqual(['approver']);
  });
  it.each([
    ['promotion/prm_1', 'prm_1'],
    ['rollout/prm_1.cell-7', 'prm_1'],
  ])('%s belongs to %s', (where, id) => {
    expect(promotionOf(where)).toBe(id);
  });
});

it('names of both are sorted, each once', () => {
  expect(namesOfBoth({ b: 1, a: 1 }, { b: 2, c: 2 })).toEqual(['a', 'b', 'c']);
  expect(namesOfBoth(undefined, undefined)).toEqual([]);
});

describe('somebody to call', () => {
  it.each([
    ['+44 20 7946 0018', 'tel:+442079460018'],
    ['(020) 7946-0018 ext. 42', 'tel:02079460018,42'],
    ['110', 'tel:110'],
  ])('%s leads to %s', (phone, link) => {
    expect(phoneLink(phone)).toBe(link);
  });
  it('is written to at their address alone', () => {
    expect(mailLink('a+b@example.org')).toBe('mailto:a%2Bb@example.org');
    expect(mailLink('a@b?cc=c@d')).toBe('mailto:a@b%3Fcc%3Dc%40d');
  });
  it.each([
    ['https://runbooks.example/x', true],
    ['http://runbooks.example/x', false],
    ['javascript:alert(1)', false],
    ['//x', false],
    [undefined, false],
  ])('a runbook at %s is led to: %s', (url, led) => {
    expect(webLink(url) !== undefined).toBe(led);
  });
});

describe('an entry', () => {
  const event = {
    v: 1,
    stream: 'cell/a',
    version: 1,
    type: 'cell.observed',
    at: 5,
    by: 'agt_a',
    data: { why: 'Füße' },
  };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  it('is read from its bytes', () => {
    expect(entryOf({ place: 3, bytes: base64(JSON.stringify(event)), words: 'lifted' })).toEqual({
      place: 3,
      event,
      words: 'lifted',
    });
  });
  it.each(['{}', 'nothing', '[1]', '\u00ff'])('that says %s keeps its place and is said not to be readable', (text) => {
    expect(entryOf({ place: 3, bytes: base64(text) })).toEqual({ place: 3, event: undefined, words: '' });
  });
  it('has its data in bounded text', () => {
    expect(dataText({ a: 'x'.repeat(10_000) })).toHaveLength(2_001);
  });
});

describe('what burns', () => {
  it('is never said to be calm when nobody knows', () => {
    expect([true, false, null].map((held) => heldStands(held).word)).toEqual(['held', 'not held', 'not known']);
  });
  it('has a word for every kind, also for one of a newer server', () => {
    expect(matterStands('unobserved').word).toBe('not observed');
    expect(matterStands('flooded' as never)).toEqual({ word: 'flooded', tone: 'red' });
  });
  it.each([
    ['all', 'everything'],
    ['production', 'production'],
    ['application:shop', 'application shop'],
  ])('a freeze of %s is one of %s', (scope, words) => {
    expect(scopeWords(scope)).toBe(words);
  });
});
