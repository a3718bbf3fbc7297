import { dirname, join, resolve } from 'node:path';
import { readIfThere } from '@headgate/adapters/machine/durable-file';

/** Another address of the server than the agent asks, and what says so. */
export interface Elsewhere {
  readonly url: string;
  readonly by: string;
}

/**
 * Where the server may be now, by what is known on this machine: the address that a server of the data folder around the agent's
 * wrote down as it started, else what was handed over last. Undefined: nothing names another one.
 */
export async function serverElsewhere(dataDir: string, asked: string): Promise<Elsewhere | undefined> {
  const folder = resolve(dataDir);
  const started = await inFile(join(dirname(folder), 'server.json'), 'url');
  const known = started ?? (await inFile(join(folder, 'handed.json'), 'server'));
  return known === undefined || new URL(known.url).origin === new URL(asked).origin ? undefined : known;
}

/** What a person does where the server is no longer where the agent asks. `config`: its configuration, as it was typed. */
export function elsewhereText(config: string, elsewhere: Elsewhere | undefined): string {
  const anew = `headgate-agent stop --config ${config} --agent-only && headgate-agent run --config ${config}`;
  return elsewhere === undefined
    ? `if the server has another address now: write it as server: into ${config}, then: ${anew}`
    : `by ${elsewhere.by} the server is at ${elsewhere.url}: write server: ${elsewhere.url} into ${config}, then: ${anew}`;
}

async function inFile(by: string, field: string): Promise<Elsewhere | undefined> {
  try {
    const url = (JSON.parse((await readIfThere(by)) ?? '{}') as Record<string, unknown>)[field];
    return typeof url === 'string' && URL.canParse(url) ? { url, by } : undefined;
  } catch {
    // Not ours, or not to be read: then it says nothing.
    return undefined;
  }
}
