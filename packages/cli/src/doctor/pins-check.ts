import type { Objection, PinsOfCell } from '@headgate/contract';
import { everything } from '../paging.ts';
import { howToMend } from '../setup/pin-anew.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** So many cells are named in one finding; the others are counted. */
const MOST_NAMED = 5;

/** Whether what agents hold is what is in force: where it isn't, a promotion would be refused at its first step. */
export const pins: Check<ServerFacts> = {
  name: 'pins',
  async look({ client, folder, cwd }) {
    const cells = await everything((page) => client.call('listPins', { limit: 200, ...page }));
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
  for (const same of together(
    cells.flatMap(({ objections }) => objections),
    ({ why }) => why,
  ))
    findings.push(wrong(check, `${same[0].why} (${named(same)})`, await mend(same[0])));
  const silent = cells.filter(({ agent, told }) => agent !== null && told === null);
  for (const same of together(silent, ({ agent, environment }) => `${agent} ${environment}`))
    findings.push(
      unknown(
        check,
        `the agent ${same[0].agent} of ${same[0].environment} doesn't say what it holds (${named(same)}): it is older than this server`,
        'bring it to the server’s version; until then look there: headgate-agent check --config FILE',
      ),
    );
  const many = cells.filter(({ told }) => told?.documents === 'many');
  for (const same of together(many, ({ agent, environment }) => `${agent} ${environment}`))
    findings.push(
      unknown(
        check,
        `the agent ${same[0].agent} of ${same[0].environment} holds more documents than it tells (${named(same)})`,
        'look there: headgate-agent check --config FILE; unpin what nothing uses any more',
      ),
    );
  if (findings.length > 0) return findings;
  const told = cells.filter((cell) => cell.told !== null);
  return told.length === 0
    ? [unknown(check, 'no agent has said what it holds', 'start headgate-agent where your service runs')]
    : [ok(check, 'what agents hold is what is in force')];
}

function together<T>(all: readonly T[], by: (one: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const one of all) {
    const group = groups.get(by(one));
    if (group === undefined) groups.set(by(one), [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function named(cells: readonly { readonly cell: string }[]): string {
  const more = cells.length - MOST_NAMED;
  const names = cells.slice(0, MOST_NAMED).map(({ cell }) => cell);
  return `${names.length === 1 ? 'cell' : 'cells'} ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
