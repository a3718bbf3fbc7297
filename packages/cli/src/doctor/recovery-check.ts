import { answerText } from '../commands/recovery.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** So many cells are named; the rest is counted. */
const MOST_NAMED = 20;

/** Whether what happened before a restore of the control plane is known by now. */
export const recovery: Check<ServerFacts> = {
  name: 'recovery',
  async look({ client }) {
    const { epoch, recovery, unread, truncated } = await client.call('showRecovery');
    if (recovery === null)
      return [
        epoch === 1
          ? ok(this.name, 'the control plane was never restored from a backup')
          : unknown(
              this.name,
              `it is epoch ${epoch}, and nobody recorded why`,
              'headgate-server recover --by NAME --because "…", to its end',
            ),
      ];
    if (unread.length === 0) return [ok(this.name, `epoch ${epoch}: every cell is known again; ${recovery.gap}`)];
    const findings = unread.slice(0, MOST_NAMED).map(({ cell, why, answers }): Finding => {
      const mend =
        answers.length === 0
          ? `start the agent of ${cell}; if it holds the log for forked, headgate-agent accept-restored-log --config FILE there`
          : answerText(cell, answers);
      return wrong(this.name, `${cell}: ${why}`, mend);
    });
    if (truncated || unread.length > MOST_NAMED)
      findings.push(wrong(this.name, 'and further cells', 'headgate recovery'));
    return findings;
  },
};
