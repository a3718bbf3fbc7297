import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A cell of a data folder whose databases, on a server of somebody else's, still hold what Headgate made there. */
export interface Unleft {
  readonly cell: string;
  readonly stores: readonly string[];
  /** The configuration of the agent that has it; undefined: it isn't in this folder. */
  readonly config: string | undefined;
}

/** What goes with no data folder, and with it the simplest way to be rid of it: cells that claimed databases and never left them. */
export async function unleftDatabases(folder: string): Promise<readonly Unleft[]> {
  const cells = join(folder, 'cells');
  const names = await readdir(cells).catch(() => []);
  const found: Unleft[] = [];
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const file = join(cells, name);
    const cell = await readCell(file);
    if (cell === undefined || !existsSync(join(cell.dir, 'claim-id')) || existsSync(join(cell.dir, 'left.json')))
      continue;
    found.push({ cell: cell.cell, stores: cell.stores, config: await agentOf(folder, file) });
  }
  return found;
}

/** For people, a line a cell. */
export function unleftText({ cell, stores, config }: Unleft): string {
  return `not in it: what Headgate made in the database of ${stores.join(', ')}, which stays there; to take that out first: headgate-agent leave --config ${config ?? 'FILE'} --cell ${cell}`;
}

async function readCell(file: string): Promise<{ cell: string; dir: string; stores: readonly string[] } | undefined> {
  try {
    const { cell, dir, externalStores = {} } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    const stores = Object.keys(externalStores as object);
    return typeof cell === 'string' && typeof dir === 'string' && stores.length > 0 ? { cell, dir, stores } : undefined;
  } catch {
    // What isn't a cell's file is told of where it is removed.
    return undefined;
  }
}

async function agentOf(folder: string, cellFile: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => name === 'agent' || name.startsWith('agent-'));
  for (const name of names) {
    const config = join(folder, name, 'agent.yaml');
    const text = await readFile(config, 'utf8').catch(() => '');
    if (text.includes(cellFile)) return config;
  }
  return undefined;
}
