import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invoiceOf, posting, termsOf, timeOf } from '../../../core/tests/recording-ledger.ts';
import { edition as before } from '../../1.0.0/edition.ts';
import { edition } from '../edition.ts';

test('an hour is billed at the hourly rate, with tax', () => {
  const { net, tax, total } = edition.draft(termsOf(), timeOf(60));
  assert.deepEqual({ net, tax, total }, { net: 10_000n, tax: 1_900n, total: 11_900n });
});

test('without a discount amounts are those of 1.0.0', () => {
  for (const rate of [1n, 99n, 8_333n, 123_457n]) {
    const terms = termsOf({ ratePerHour: rate });
    const [old, now] = [before, edition].map((each) => each.draft(terms, timeOf(1, 7, 59, 1_440)));
    assert.deepEqual([now?.net, now?.tax, now?.total], [old?.net, old?.tax, old?.total]);
  }
});

test('a discount is taken from each line, which shows it', () => {
  const draft = edition.draft(termsOf({ discountBasisPoints: 1_000 }), timeOf(60, 30));
  assert.deepEqual(
    draft.lines.map((line) => [line.net, line.more.discount_cents]),
    [
      [9_000n, 1_000n],
      [4_500n, 500n],
    ],
  );
  assert.equal(draft.net, 13_500n);
});

test('tax is on what is left after the discount', () => {
  assert.equal(edition.draft(termsOf({ discountBasisPoints: 5_000 }), timeOf(60)).tax, 950n);
});

test('net and discount of a line add up to its gross amount, to the cent', () => {
  for (const points of [1, 333, 1_250, 9_999]) {
    for (const line of edition.draft(termsOf({ ratePerHour: 9_999n, discountBasisPoints: points }), timeOf(7, 13))
      .lines) {
      const gross = before.draft(termsOf({ ratePerHour: 9_999n }), timeOf(line.minutes)).net;
      assert.equal(line.net + (line.more.discount_cents as bigint), gross);
    }
  }
});

test('a full discount takes the invoice down to nothing', () => {
  const draft = edition.draft(termsOf({ discountBasisPoints: 10_000 }), timeOf(60));
  assert.deepEqual([draft.net, draft.tax, draft.total], [0n, 0n, 0n]);
});

test('under reverse charge no tax stands on the invoice', () => {
  assert.equal(edition.draft(termsOf({ taxCode: 'reverse-charge' }), timeOf(60)).tax, 0n);
});

test('a discounted invoice is posted with its amounts and acknowledged', async () => {
  const { sent, acknowledged } = await posting(
    edition,
    invoiceOf(edition, termsOf({ discountBasisPoints: 1_000 }), 60),
  );
  assert.equal(sent[0]?.totalCents, 10_710);
  assert.deepEqual(acknowledged, [[12n, 'ERP-1']]);
});

test('it runs on the schema before and after the next expansion', () => {
  assert.deepEqual(edition.schemaRange, { min: 2, max: 3 });
});
