import type { Standby } from '@headgate/contract';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** Whether one could fail over to every standby that is declared. Where none is, there is nothing to say. */
export const standbys: Check<ServerFacts> = {
  name: 'standbys',
  async look({ client }) {
    return standbyFindings((await client.call('status')).standbys ?? []);
  },
};

/** Of each that isn't ready a finding of its own: they are few, and each is mended in its own way. */
export function standbyFindings(all: readonly Standby[]): Finding[] {
  const check = standbys.name;
  const findings = all.flatMap(({ cell, store, name, state, words, mend }): Finding[] => {
    if (state === 'ready') return [];
    const why = `${name}, standby of ${cell}/${store}: ${words}`;
    return [state === 'not-ready' ? wrong(check, why, mend) : unknown(check, why, mend)];
  });
  if (findings.length > 0 || all.length === 0) return findings;
  return [
    ok(check, `${all.length === 1 ? '1 standby replays' : `${all.length} standbys replay`} what its primary writes`),
  ];
}
