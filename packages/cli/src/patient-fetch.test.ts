import { expect, test } from 'vitest';
import { patientFetch } from './patient-fetch.ts';

/** Answers with these, one after the other, and counts. */
function answering(...answers: readonly { readonly status: number; readonly after?: string }[]) {
  const asked = { count: 0 };
  const send: typeof fetch = async () => {
    const { status, after } = answers[Math.min(asked.count++, answers.length - 1)] as (typeof answers)[number];
    return new Response('{}', { status, headers: after === undefined ? {} : { 'retry-after': after } });
  };
  return { asked, fetch: patientFetch(send) };
}
const URL = 'http://127.0.0.1/v1/status';

test('what was too much at once is sent again after the time that was named', async () => {
  const { asked, fetch } = answering({ status: 429, after: '0' }, { status: 429, after: '0.01' }, { status: 200 });
  expect([(await fetch(URL)).status, asked.count]).toEqual([200, 3]);
});

test.each([
  ['for ever', [{ status: 429, after: '0' }], 6],
  ['when it would be long', [{ status: 429, after: '60' }], 1],
  ['when no time is named', [{ status: 429 }], 1],
  ['for another reason', [{ status: 503, after: '0' }], 1],
])('not %s', async (_when, answers, times) => {
  const { asked, fetch } = answering(...answers);
  expect([(await fetch(URL)).status, asked.count]).toEqual([answers[0]?.status, times]);
});

test('who gives up meanwhile waits no longer', async () => {
  const { fetch } = answering({ status: 429, after: '10' });
  await expect(fetch(URL, { signal: AbortSignal.timeout(20) })).rejects.toThrow();
});
