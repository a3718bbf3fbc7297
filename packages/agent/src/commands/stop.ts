/** `headgate-agent stop`: ends what an agent runs in its cells, and keeps what it is made of. */
import { parseArgs } from 'node:util';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { type CellHold, holdCell, holderOf } from '@headgate/adapters/execution/process/cell-hold';
import { endRunning, lookAtRunning, type RunningPart } from '@headgate/adapters/execution/running-cell';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { gone, identify, signalProcess } from '@headgate/adapters/machine/process-identity';
import { createClient } from '@headgate/contract';
import { knock } from '../away/knock.ts';
import { notOurs } from '../away/not-ours.ts';
import type { AgentConfig } from '../config.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { print, printJson } from '../output.ts';
import { inTheWayOf, whyNotSignal } from '../stop/in-the-way.ts';
import { type EndFacts, whyNotEnd } from '../stop/may-end.ts';
import { underWayBy, underWayIn } from '../stop/under-way.ts';
import { cellsNamed, complain, configIn, wrongUsage } from './command-line.ts';

export const STOP_USAGE = `headgate-agent stop: ends what the agent runs in its cells; what they are made of is kept

  headgate-agent stop --config FILE [--cell CELL …] [--tenants NAME,NAME…] [--and-agent] [--json]
  headgate-agent stop --config FILE --agent-only [--json]

Ends, in this order, the router, what serves and works in the slots (each letting what it is at come to its end, as long as
the cell's drainMs), and the PostgreSQL that the agent keeps for its stores; never one that somebody else keeps. Data,
releases, restore points and configuration stay where they are: \`headgate-agent run --config FILE\` starts all of it again. Run again it
ends what is left, and says so when nothing is.

--cell       this cell alone; may be given more than once. Without it every cell of the agent
--tenants    who is served there and is to be cut off, each by name, and as CELL/NAME where two of the cells serve one of that
             name; without it cells that serve anybody are left alone
--and-agent  ends the agent first, if it runs: it would start again whatever ends. Where a service manager keeps it, that has
             to be told instead (systemctl stop …)
--agent-only ends the agent and nothing of what it runs: everybody is served on, and the next \`headgate-agent run\` takes it
             over, with the configuration as it is then

Refused, and nothing is ended, the agent neither: while a step or a wave is under way in one of the cells, while somebody is
served who isn't named or somebody is named who isn't there, while another process holds a cell, where the right to end
something is missing, while the agent runs (without --and-agent).
Exit codes: 0 nothing of it runs any more, 1 refused or failed, 64 wrong usage, 78 wrong configuration.
`;

const EXIT = { ok: 0, refused: 1, usage: 64, config: 78 } as const;

/** Beyond its own grace, an agent that is asked to end is waited for so long. Milliseconds. */
const AGENT_ENDS_MS = 60_000;

/** Runs it and answers the exit code. */
export async function stop(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    config: text,
    cell: { type: 'string', multiple: true },
    tenants: text,
    'and-agent': flag,
    'agent-only': flag,
    json: flag,
    help: flag,
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    return wrongUsage('stop', error, EXIT.usage);
  }
  if (values.help === true) {
    print(STOP_USAGE);
    return EXIT.ok;
  }
  if (values.config === undefined) return wrongUsage('stop', 'it needs --config FILE', EXIT.usage);
  const read = configIn(values.config);
  if (!read.ok) return read.code;
  const { config } = read;
  const named = cellsNamed(config, values.cell, EXIT.usage);
  if (!named.ok) return named.code;
  const { cells } = named;
  const tenants = (values.tenants ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const agentOnly = values['agent-only'] === true;
  if (agentOnly && (values.cell ?? values.tenants ?? values['and-agent']) !== undefined)
    return complain(
      ['stop: --agent-only ends nothing in the cells, so --cell, --tenants and --and-agent have no place beside it'],
      EXIT.usage,
    );
  try {
    if (agentOnly) return await endAgentOnly(config, values.config, values.json === true);
    return await endCells(config, cells, {
      tenants,
      andAgent: values['and-agent'] === true,
      file: values.config,
      json: values.json === true,
    });
  } catch (error) {
    return complain([(error as Error).message], EXIT.refused);
  }
}

interface Wish {
  readonly tenants: readonly string[];
  readonly andAgent: boolean;
  /** The configuration, as it was typed. */
  readonly file: string;
  readonly json: boolean;
}

async function endCells(config: AgentConfig, cells: readonly AnyCellConfig[], wish: Wish): Promise<number> {
  const { dataDir, name, graceMs } = config;
  const strange = await notOurs(dataDir);
  if (strange !== undefined) return complain([`${strange.where}: ${strange.why}; to unblock: ${strange.unblock}`], 1);
  const ended: { readonly cell: string; readonly what: string; readonly pid: number }[] = [];
  const say = (cell: string, { what, pid }: RunningPart): void => {
    ended.push({ cell, what, pid });
    if (!wish.json) print(`cell ${cell}: ended ${what} (pid ${pid})\n`);
  };
  const running = await knock(dataDir);
  if (running !== undefined) {
    // Looked at before the agent is ended, and by the same files as afterwards, so that a refusal leaves everything as it was.
    const pid = (await holderOf(dataDir))?.pid;
    const said = new Map((await running.status()).cells.map((each) => [each.cell, underWayBy(each)]));
    const facts = await factsOf(cells, dataDir, pid);
    const all = facts.map((each) => ({ ...each, underWay: said.get(each.cell) ?? each.underWay }));
    const why = [...whyNotEnd(all, wish.tenants), ...whyNotSignal(pid)];
    const agent = `the agent ${name} runs${pid === undefined ? '' : ` (pid ${pid})`}, and starts again whatever ends: end it first, or with this command: --and-agent`;
    if (why.length > 0 || !wish.andAgent) return complain([...why, ...(wish.andAgent ? [] : [agent])], EXIT.refused);
    if (pid === undefined) return complain([`${agent}. Its process can't be told from here`], EXIT.refused);
    await endAgent(dataDir, pid, graceMs);
    const line = { what: `the agent ${name}`, pid };
    ended.push({ cell: '', ...line });
    if (!wish.json) print(`ended ${line.what} (pid ${pid})\n`);
  }
  // What came up since it was looked at: whoever reads the refusal has to know that the agent is gone by now.
  const refuse = (why: readonly string[]): number =>
    complain(
      ended.some(({ cell }) => cell === '')
        ? [
            ...why,
            `the agent ${name} was ended before that was seen; start it again: headgate-agent run --config ${wish.file}`,
          ]
        : why,
      EXIT.refused,
    );
  const holds: CellHold[] = [];
  let told = true;
  try {
    for (const dir of [dataDir, ...cells.map((cell) => cell.dir)]) holds.push(await holdCell(dir));
    const why = whyNotEnd(await factsOf(cells, dataDir, process.pid), wish.tenants);
    if (why.length > 0) return refuse(why);
    for (const cell of cells) await endRunning(cell, (part) => say(cell.cell, part));
    const seen = await Promise.all(cells.map(async (cell) => ({ cell: cell.cell, ...(await lookAtRunning(cell)) })));
    const left = seen.flatMap(({ cell, parts }) =>
      parts.map(({ what, pid }) => `cell ${cell}: ${what} (pid ${pid}) runs on`),
    );
    if (left.length > 0) return refuse(left);
    told = await tellServer(config);
  } catch (error) {
    return refuse([(error as Error).message]);
  } finally {
    for (const hold of holds) await hold.release();
  }
  if (!told && !wish.json)
    print(
      `the server at ${config.server} couldn't be told; what it shows of these cells is as before, until it misses the agent\n`,
    );
  if (wish.json) printJson({ ended });
  else
    print(
      `${ended.length === 0 ? 'nothing ran; ' : ''}nothing of it runs any more, data is kept; it starts again with: headgate-agent run --config ${wish.file}\n`,
    );
  return EXIT.ok;
}

/** The server hears at once in which of the agent's cells nothing runs any more, rather than miss them after a while. */
async function tellServer({ cells, server, tokenFile }: AgentConfig): Promise<boolean> {
  const looked = await Promise.all(cells.map(async (cell) => ({ cell, seen: await lookAtRunning(cell) })));
  const stopped = looked.filter(({ seen }) => seen.parts.length === 0).map(({ cell }) => cell.cell);
  const token = await readSecret(tokenFile).catch(() => undefined);
  if (token === undefined) return false;
  return new ControlPlane(createClient({ baseUrl: server, token })).farewell(stopped);
}

/** The agent alone: what it was at it ends or hands back by itself, as when its service manager tells it to. */
async function endAgentOnly(config: AgentConfig, file: string, json: boolean): Promise<number> {
  const { dataDir, name, graceMs } = config;
  const holder = await holderOf(dataDir);
  if (holder !== undefined && holder.pid === undefined)
    return complain(
      [`the agent ${name} runs, and its process can't be told from here; end it where it was started`],
      EXIT.refused,
    );
  const pid = holder?.pid;
  if (pid !== undefined) await endAgent(dataDir, pid, graceMs);
  if (json) printJson({ ended: pid === undefined ? [] : [{ cell: '', what: `the agent ${name}`, pid }] });
  else
    print(
      pid === undefined
        ? `the agent ${name} didn't run\n`
        : `ended the agent ${name} (pid ${pid}); what it runs lives on, and the next one takes it over: headgate-agent run --config ${file}\n`,
    );
  return EXIT.ok;
}

/** `holder`: the process that may hold the cells, the agent's or our own. */
async function factsOf(
  cells: readonly AnyCellConfig[],
  dataDir: string,
  holder: number | undefined,
): Promise<readonly EndFacts[]> {
  const underWay = await underWayIn(
    dataDir,
    cells.map(({ cell }) => cell),
  );
  const facts: EndFacts[] = [];
  for (const config of cells) {
    const { cell, tenants } = config;
    const seen = await lookAtRunning(config);
    const inTheWay = await inTheWayOf(config, seen, holder);
    facts.push({ cell, seen, underWay: underWay.get(cell), tenants: Object.keys(tenants), inTheWay });
  }
  return facts;
}

/** Asks the agent to end, as a service manager would, and waits. */
async function endAgent(dataDir: string, pid: number, graceMs: number): Promise<void> {
  const agent = identify(pid);
  // Proved once more, now that it is known which process has that pid: it may be a stranger's since it was asked for.
  const holder = await holderOf(dataDir);
  if (agent === undefined || holder === undefined) return;
  if (holder.pid !== pid) throw new Error(`another agent was started in ${dataDir} meanwhile; ask again`);
  if (!signalProcess(agent, 'SIGTERM')) return;
  if (!(await gone(agent, graceMs + AGENT_ENDS_MS))) throw new Error(`the agent (pid ${pid}) doesn't end`);
}
