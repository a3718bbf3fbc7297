import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invoiceOf, posting, termsOf, timeOf } from '../../../core/tests/recording-ledger.ts';
import { edition as before } from '../../1.1.0/edition.ts';
import { documentReference, numberInReference } from '../document-reference.ts';
import { edition } from '../edition.ts';
import { taxBreakdown } from '../tax-breakdown.ts';

test('amounts are those of 1.1.0', () => {
  for (const points of [0, 1_000]) {
    const terms = termsOf({ ratePerHour: 8_333n, discountBasisPoints: points });
    const [old, now] = [before, edition].map((each) => each.draft(terms, timeOf(1, 7, 59)));
    assert.deepEqual([now?.net, now?.tax, now?.total], [old?.net, old?.tax, old?.total]);
  }
});

test('the tax of the lines adds up to the tax of the invoice, to the cent', () => {
  for (const rate of [1n, 61n, 8_333n]) {
    const draft = edition.draft(termsOf({ ratePerHour: rate }), timeOf(1, 7, 13, 59, 480));
    const tax = draft.lines.reduce((sum, line) => sum + (line.more.tax_cents as bigint), 0n);
    assert.equal(tax, draft.tax);
  }
});

test('each line carries the tax code', () => {
  const draft = edition.draft(termsOf({ taxCode: 'reduced' }), timeOf(60, 60));
  assert.deepEqual(
    draft.lines.map((line) => line.more.tax_code),
    ['reduced', 'reduced'],
  );
});

test('the breakdown has one part for each tax code', () => {
  assert.deepEqual(taxBreakdown(invoiceOf(edition, termsOf(), 60, 60)), [
    { code: 'standard', net: 20_000n, tax: 3_800n },
  ]);
});

test("an earlier release's invoice has one part, by the customer's code", () => {
  assert.deepEqual(taxBreakdown(invoiceOf(before, termsOf({ taxCode: 'reduced' }), 60)), [
    { code: 'reduced', net: 10_000n, tax: 700n },
  ]);
});

test("a document is named by the customer's purchase order and the invoice's number", () => {
  assert.equal(documentReference({ number: 12n, purchaseOrder: '4500817301' }), '4500817301/12');
  assert.equal(documentReference({ number: 12n, purchaseOrder: null }), '12');
});

test('the number is found again in a document reference', () => {
  assert.equal(numberInReference('4500817301/12'), 12n);
  assert.equal(numberInReference('PO-7/12'), 12n);
  assert.equal(numberInReference('12'), 12n);
});

test('an invoice is posted with its breakdown and reference, and acknowledged', async () => {
  const { sent, acknowledged } = await posting(edition, invoiceOf(edition, termsOf({ purchaseOrder: 'PO-7' }), 60));
  assert.deepEqual(sent[0]?.taxBreakdown, [{ code: 'standard', netCents: 10_000, taxCents: 1_900 }]);
  assert.equal(sent[0]?.reference, 'PO-7/12');
  assert.deepEqual(acknowledged, [[12n, 'ERP-1']]);
});

test('an invoice that a discount took down to nothing is not posted', async () => {
  const { sent } = await posting(edition, invoiceOf(edition, termsOf({ discountBasisPoints: 10_000 }), 60));
  assert.deepEqual(sent, []);
});

test('it runs on the schema before and after the next expansion', () => {
  assert.deepEqual(edition.schemaRange, { min: 3, max: 4 });
});
