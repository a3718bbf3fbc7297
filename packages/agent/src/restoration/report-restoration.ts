/**
 * What a command brought back is signed, kept in the agent's folder and told to the server: at once where it answers, else by the agent
 * when it does. That it can't be told changes nothing about what was brought back.
 */
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { keptSigningKey } from '@headgate/adapters/machine/own-signing-key';
import { createClient } from '@headgate/contract';
import { oneLine, type SigningKey, signRestoration } from '@headgate/documents';
import { MOST_RESTORED_STORES, MOST_RESTORED_TENANTS, type RestorationFacts } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import { restorationKey } from '../restore-points/trust-entries.ts';
import { tellRestorations } from './tell-restorations.ts';
import { keepUntold } from './untold-restorations.ts';

export interface RestorationReport {
  readonly config: Pick<AgentConfig, 'dataDir' | 'server' | 'tokenFile'>;
  /** Which key seals the cell's restore points, where it has one. */
  readonly keyFile?: string | undefined;
  readonly facts: RestorationFacts;
  /** For a person at this machine. */
  readonly say: (line: string) => void;
}

/** Texts of a person's, at most so long. */
const LINES = { moment: 300, because: 500, failed: 300 } as const;

/** Never throws: what is wrong is said. */
export async function reportRestoration({ config, keyFile, facts, say }: RestorationReport): Promise<void> {
  try {
    const key = await keyOf(config, keyFile);
    const bounded = boundedFacts(facts);
    // As JSON says it: what the server hashes is what was signed.
    const statement = JSON.parse(JSON.stringify(signRestoration(bounded, key))) as Record<string, unknown>;
    const path = await keepUntold(config.dataDir, statement, bounded.at);
    say(await toldWords(config, path));
  } catch (error) {
    say(`The log doesn’t hear of it: ${(error as Error).message}`);
  }
}

async function toldWords(config: RestorationReport['config'], path: string): Promise<string> {
  const later = `it isn’t on the log yet: its statement is in ${path}, and the agent tells the server once it can`;
  try {
    const plane = new ControlPlane(createClient({ baseUrl: config.server, token: await readSecret(config.tokenFile) }));
    const said = await tellRestorations(plane, config.dataDir, SILENT);
    if (said === 'recorded') return 'It is on the log.';
    return said === undefined ? `The server doesn’t answer; ${later}.` : `The server ${said}; ${later}.`;
  } catch (error) {
    return `The server can’t be told (${(error as Error).message}); ${later}.`;
  }
}

/** The key that seals the cell's restore points, where it is here; else one of the agent's own, with its public half beside it. */
async function keyOf({ dataDir }: RestorationReport['config'], keyFile: string | undefined): Promise<SigningKey> {
  const sealing = keyFile === undefined ? undefined : await keptSigningKey(keyFile);
  if (sealing !== undefined) return sealing;
  return restorationKey({ dataDir });
}

function boundedFacts(facts: RestorationFacts): RestorationFacts {
  const { moment, because, failed, stores, tenants } = facts;
  const line = (told: string | undefined, max: number): string | undefined =>
    told === undefined ? undefined : oneLine(told, max) || undefined;
  const why = line(because, LINES.because);
  const at = line(failed, LINES.failed);
  const { because: _, failed: __, ...rest } = facts;
  return {
    ...rest,
    ...{ stores: stores.slice(0, MOST_RESTORED_STORES), tenants: tenants.slice(0, MOST_RESTORED_TENANTS) },
    moment: line(moment, LINES.moment) ?? 'a moment that nobody named',
    ...(why !== undefined && { because: why }),
    ...(at !== undefined && { failed: at }),
  };
}

const SILENT = { info() {}, warn() {}, error() {} } as unknown as Logger;
