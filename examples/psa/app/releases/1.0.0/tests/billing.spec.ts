import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invoiceOf, posting, termsOf, timeOf } from '../../../core/tests/recording-ledger.ts';
import { edition } from '../edition.ts';

test('an hour is billed at the hourly rate, with tax', () => {
  const { net, tax, total } = edition.draft(termsOf(), timeOf(60));
  assert.deepEqual({ net, tax, total }, { net: 10_000n, tax: 1_900n, total: 11_900n });
});

test('each entry has a line, and the lines add up', () => {
  const draft = edition.draft(termsOf({ ratePerHour: 9_999n }), timeOf(7, 13, 480));
  assert.equal(draft.lines.length, 3);
  assert.equal(
    draft.lines.reduce((sum, line) => sum + line.net, 0n),
    draft.net,
  );
});

test('a line says when, who and what', () => {
  const [first, second] = edition.draft(termsOf(), timeOf(60, 30)).lines;
  assert.equal(first?.description, '2026-02-28 per-001: Kick-off');
  assert.equal(second?.description, '2026-02-28 per-001');
});

test('tax is taken once on the sum, not line by line', () => {
  const draft = edition.draft(termsOf({ ratePerHour: 60n }), timeOf(3, 3, 3));
  assert.equal(draft.net, 9n);
  assert.equal(draft.tax, 2n);
});

test('the reduced code has the reduced rate', () => {
  assert.equal(edition.draft(termsOf({ taxCode: 'reduced' }), timeOf(60)).tax, 700n);
});

test('under reverse charge no tax stands on the invoice', () => {
  const draft = edition.draft(termsOf({ taxCode: 'reverse-charge' }), timeOf(60));
  assert.equal(draft.tax, 0n);
  assert.equal(draft.total, 10_000n);
});

test('an invoice is posted with its amounts and acknowledged under its number', async () => {
  const { sent, acknowledged } = await posting(edition, invoiceOf(edition, termsOf(), 60));
  assert.deepEqual(sent, [
    { tenant: 'ten-1', invoice: 12, currency: 'EUR', netCents: 10_000, taxCents: 1_900, totalCents: 11_900 },
  ]);
  assert.deepEqual(acknowledged, [[12n, 'ERP-1']]);
});

test('an invoice under reverse charge is posted like any other', async () => {
  const { sent, acknowledged } = await posting(edition, invoiceOf(edition, termsOf({ taxCode: 'reverse-charge' }), 60));
  assert.equal(sent[0]?.taxCents, 0);
  assert.deepEqual(acknowledged, [[12n, 'ERP-1']]);
});
