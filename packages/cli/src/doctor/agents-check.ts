import type { RecoveryShown, Status } from '@headgate/contract';
import { agentsAstray, astrayText, backOnTrack } from '../agents/agent-addresses.ts';
import { untended } from '../agents/agent-words.ts';
import { type Here, runAgentCommand, takeLogUp } from '../setup/pin-anew.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/**
 * Of an agent that is heard and doesn't look at a cell: what hasn't changed is written down anew every five minutes, each time
 * an agent says it again. So twice that. Milliseconds.
 */
const SILENT_MS = 600_000;
/** So many cells are named in one finding; the others are counted. */
const MOST_NAMED = 5;

type Cell = Status['cells'][number];

/** Whether agents look at every cell, and what they see can be built upon. */
export const agents: Check<ServerFacts> = {
  name: 'agents',
  async look({ client, server, folder, cwd }) {
    // Where that can't be asked, its own check says so.
    const recovery = await client.call('showRecovery').catch(() => undefined);
    return agentFindings(await client.call('status'), { folder, cwd, server }, recovery);
  },
};

/** What has one cause is one finding: an agent that is away leaves all cells of its environment unseen. */
export function agentFindings(
  { cells, at, truncated }: Pick<Status, 'cells' | 'at' | 'truncated'>,
  here: Here & { readonly server: string },
  recovery?: Pick<RecoveryShown, 'unread' | 'truncated'>,
): Finding[] {
  // An agent that refuses the log of after a restore asks for nothing: it runs, and starting it mends nothing.
  const cut = new Set(recovery?.unread.map(({ cell }) => cell));
  const isCut = (those: readonly Cell[]): boolean =>
    recovery?.truncated === true || those.some(({ name }) => cut.has(name));
  const check = agents.name;
  const { server } = here;
  // Only where it isn't heard: behind a balancer one server has several addresses.
  const astray = agentsAstray(here, server);
  const unheard = astray.filter(({ agent }) => !cells.some((cell) => cell.agent?.id === agent));
  const elsewhere = unheard.map((each) => wrong(check, astrayText(each, server), backOnTrack(each, server)));
  if (cells.length === 0 && elsewhere.length > 0) return elsewhere;
  if (cells.length === 0)
    return [
      unknown(
        check,
        'no agent has said anything about any cell',
        'start one where your service runs: headgate-agent run --config FILE',
      ),
    ];
  const environments = [...new Set(cells.map(({ environment }) => environment))];
  const findings = environments.flatMap((environment): Finding[] => {
    const own = cells.filter((cell) => cell.environment === environment);
    const never = own.filter(({ observedAt }) => observedAt === null);
    const alone = untended(own, at);
    const without = new Set(alone.flatMap((each) => each.cells));
    const silent = own.filter(
      (cell) => cell.observedAt !== null && at - cell.observedAt > SILENT_MS && !without.has(cell),
    );
    const foreign = own.filter(({ adopted }) => !adopted);
    const sinceMs = Math.max(...silent.map(({ observedAt }) => at - (observedAt ?? at)));
    return [
      ...found(never, (names) => wrong(check, `no agent has looked at ${names}`, `start the agent of ${environment}`)),
      ...alone.flatMap(({ agent, why, cells: those }) =>
        found(those, (names) => {
          const moved = astray.find((each) => each.agent === agent);
          if (moved !== undefined)
            return wrong(check, `${names}: ${why}; ${astrayText(moved, server)}`, backOnTrack(moved, server));
          const run = `start it where it was enrolled: ${runAgentCommand(here, agent)}`;
          if (!isCut(those)) return wrong(check, `${names}: ${why}`, run);
          const ended = those.every((each) => each.agent?.ended !== undefined);
          return wrong(
            check,
            `${names}: ${why}${ended ? '' : ', or it runs and refuses the log'}; the control plane was restored from a backup, and what the agent did before isn’t known yet`,
            `take the restored log up where it was enrolled: ${takeLogUp(here, agent, ended)}. If it has seen nothing that the log lacks, ${run}`,
          );
        }),
      ),
      ...found(silent, (names) =>
        wrong(
          check,
          `nobody has looked at ${names} for up to ${Math.round(sinceMs / 1_000)} s`,
          isCut(silent)
            ? `the control plane was restored: headgate-agent accept-restored-log --config FILE where the agent of ${environment} was enrolled; then see that it runs and reaches the server`
            : `see that the agent of ${environment} runs and reaches the server`,
        ),
      ),
      ...found(foreign, (names) =>
        wrong(check, `seen and not under control: ${names}`, `headgate adopt ${foreign[0]?.name ?? ''}`),
      ),
      ...own.flatMap((cell) =>
        cell.drift.map(({ store, why }) =>
          wrong(
            check,
            `store ${store} of ${cell.name} has drifted: ${why}`,
            'bring it back to a version that a release leaves',
          ),
        ),
      ),
    ];
  });
  findings.push(...elsewhere);
  if (truncated) findings.push(unknown(check, 'there are more cells than one look shows', 'headgate status'));
  return findings.length > 0
    ? findings
    : [ok(check, `${cells.length === 1 ? '1 cell is' : `${cells.length} cells are`} looked at and under control`)];
}

function found(cells: readonly Cell[], finding: (names: string) => Finding): readonly Finding[] {
  if (cells.length === 0) return [];
  const more = cells.length - MOST_NAMED;
  const names = cells.slice(0, MOST_NAMED).map(({ name }) => name);
  return [finding(`${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`)];
}
