import { type Objection, type PinsOfCell, ProblemError } from '@headgate/contract';
import { everything } from '../paging.ts';
import { cellsText, together } from '../promotions/objections.ts';
import { howToMend } from '../setup/pin-anew.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** Whether what agents hold is what is in force: where it isn't, a promotion would be refused at its first step. */
export const pins: Check<ServerFacts> = {
  name: 'pins',
  async look({ client, folder, cwd }) {
    const cells = await everything((page) => client.call('listPins', { limit: 200, ...page })).catch((error: Error) => {
      if (error instanceof ProblemError && error.status === 404) return undefined;
      throw error;
    });
    if (cells === undefined)
      return [
        unknown(this.name, 'the server is older than this program, and doesn’t hear what agents hold', 'upgrade it'),
      ];
    return pinFindings(cells, (objection) => howToMend({ folder, cwd }, objection));
  },
};

/** What has one cause is one finding, however many cells it is found in. */
export async function pinFindings(
  cells: readonly PinsOfCell[],
  mend: (objection: Objection) => Promise<string>,
): Promise<Finding[]> {
  const check = pins.name;
  const findings: Finding[] = [];
  for (const same of together(cells.flatMap(({ objections }) => objections)))
    findings.push(wrong(check, `${same[0].why} (${cellsText(same)})`, await mend(same[0])));
  const silent = cells.filter(({ agent, told }) => agent !== null && told === null);
  for (const same of byAgent(silent))
    findings.push(
      unknown(
        check,
        `the agent ${same[0].agent} of ${same[0].environment} doesn't say what it holds (${cellsText(same)}): it is older than this server`,
        'bring it to the server’s version; until then look there: headgate-agent check --config FILE',
      ),
    );
  const many = cells.filter(({ told }) => told?.documents === 'many');
  for (const same of byAgent(many))
    findings.push(
      unknown(
        check,
        `the agent ${same[0].agent} of ${same[0].environment} holds more documents than it tells (${cellsText(same)})`,
        'look there: headgate-agent check --config FILE; unpin what nothing uses any more',
      ),
    );
  if (findings.length > 0) return findings;
  const told = cells.filter((cell) => cell.told !== null);
  return told.length === 0
    ? [
        unknown(
          check,
          'no agent has said what it holds',
          'start it where your service runs: headgate-agent run --config FILE',
        ),
      ]
    : [ok(check, 'what agents hold is what is in force')];
}

/** Cells with the same agent in the same environment. */
function byAgent(cells: readonly PinsOfCell[]): readonly (readonly [PinsOfCell, ...PinsOfCell[]])[] {
  const groups = new Map<string, [PinsOfCell, ...PinsOfCell[]]>();
  for (const cell of cells) {
    const key = `${cell.agent} ${cell.environment}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [cell]);
    else group.push(cell);
  }
  return [...groups.values()];
}
