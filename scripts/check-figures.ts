/** Reads the closing line of `npm start -- --once --json` from standard input and fails on any figure that is not good. */

import { exit, stderr, stdin, stdout } from 'node:process';
import { text } from 'node:stream/consumers';

interface Closing {
  readonly promoted: string;
  readonly rolledBack: string;
  readonly failedRequests: Readonly<Record<string, number>>;
  readonly detectToSafeMs: number;
  readonly firstFailingLookToSafeMs: number;
  readonly lostWrites: number;
  readonly doubledPostings: number;
  readonly reconciled: number;
  readonly logEntries: number;
  readonly logVerified: boolean;
}

const line = (await text(stdin)).trim().split('\n').at(-1) ?? '';
const closing = JSON.parse(line) as Closing;
const wrong = Object.entries({
  'promoted is 1.1.0': closing.promoted === '1.1.0',
  'rolledBack is 1.2.0': closing.rolledBack === '1.2.0',
  'no request failed under 1.1.0': closing.failedRequests['1.1.0'] === 0,
  'requests under 1.2.0 were counted': Number.isSafeInteger(closing.failedRequests['1.2.0']),
  'detectToSafeMs was measured': closing.detectToSafeMs > 0 && closing.detectToSafeMs < 5_000,
  'firstFailingLookToSafeMs was measured, and begins no later than the verdict':
    closing.firstFailingLookToSafeMs >= closing.detectToSafeMs && closing.firstFailingLookToSafeMs < 10_000,
  'no write was lost': closing.lostWrites === 0,
  'no posting was doubled': closing.doubledPostings === 0,
  'at least one of each kind was reconciled': closing.reconciled >= 2,
  'the log has entries': closing.logEntries > 100,
  'the log verifies against the head that the agent holds': closing.logVerified === true,
}).flatMap(([rule, holds]) => (holds ? [] : [rule]));
if (wrong.length > 0) {
  stderr.write(`does not hold:\n${wrong.map((rule) => `  ${rule}`).join('\n')}\nin ${line}\n`);
  exit(1);
}
stdout.write(`the closing figures hold: ${line}\n`);
