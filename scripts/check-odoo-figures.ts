/** Reads the closing line of `npm run example:odoo -- --once --json` from standard input and fails on any figure that is not good. */

import { argv, exit, stderr, stdin, stdout } from 'node:process';
import { text } from 'node:stream/consumers';
import type { OdooClosingLine } from '@headgate/example-odoo/demo/figures.ts';

/** In which place the tenant stands that 19.0.3 breaks, and how many are upgraded before it and stay. */
const SCENARIOS: Readonly<Record<string, { readonly stay: number }>> = { first: { stay: 0 }, third: { stay: 2 } };
const TENANTS = 4;
/** A tenant that was away for longer wasn't in a short window, however slow the machine. Milliseconds. */
const LONGEST_MS = 300_000;

const scenario = SCENARIOS[argv[2] ?? 'first'];
if (scenario === undefined) {
  stderr.write(`usage: check-odoo-figures.ts [${Object.keys(SCENARIOS).join('|')}]\n`);
  exit(2);
}
const line = (await text(stdin)).trim().split('\n').at(-1) ?? '';
const closing = closingOf(line);
const downtimes = Object.values(closing.downtimeMs ?? {});
const untouched = TENANTS - 1 - scenario.stay;
const wrong = Object.entries({
  'promoted is 19.0.2': closing.promoted === '19.0.2',
  'rolledBack is 19.0.3': closing.rolledBack === '19.0.3',
  'four tenants were upgraded': closing.tenantsUpgraded === TENANTS,
  'one tenant was restored': closing.tenantsRestored === 1,
  [`${untouched} tenants were untouched`]: closing.tenantsUntouched === untouched,
  'four downtimes were measured': downtimes.length === TENANTS,
  'each downtime is one': downtimes.every((ms) => Number.isSafeInteger(ms) && ms! > 0 && ms! < LONGEST_MS),
  'no write was lost': closing.lostWrites === 0,
  'the log verifies against the head that the agent holds': closing.logVerified === true,
}).flatMap(([rule, holds]) => (holds ? [] : [rule]));
if (wrong.length > 0) {
  stderr.write(`does not hold:\n${wrong.map((rule) => `  ${rule}`).join('\n')}\nin ${line}\n`);
  exit(1);
}
stdout.write(`the closing figures hold: ${line}\n`);

function closingOf(said: string): Partial<OdooClosingLine> {
  try {
    return JSON.parse(said) as Partial<OdooClosingLine>;
  } catch {
    stderr.write(`this is no closing line: ${said.slice(0, 500)}\n`);
    exit(1);
  }
}
