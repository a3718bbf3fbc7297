import type { Vault } from '@headgate/contract';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** Whether every store that an agent tells of could be brought back. Where none is, there is nothing to say. */
export const vaults: Check<ServerFacts> = {
  name: 'vaults',
  async look({ client }) {
    return vaultFindings((await client.call('status')).vaults ?? []);
  },
};

/** Of each of which something is wrong, or nothing known, a finding of its own. */
export function vaultFindings(all: readonly Vault[]): Finding[] {
  const check = vaults.name;
  const findings = all.flatMap(({ cell, store, state, words, mend }): Finding[] => {
    if (state === 'kept') return [];
    const why = `store ${cell}/${store}: ${words}`;
    return [state === 'unseen' ? unknown(check, why, mend) : wrong(check, why, mend)];
  });
  if (findings.length > 0 || all.length === 0) return findings;
  return [
    ok(check, `${all.length === 1 ? '1 store' : `${all.length} stores`} could be brought back by what lies there`),
  ];
}
