import type { RunAs } from '../../../machine/run-as.ts';
import type { CellConfig } from '../../cell-config.ts';
import { componentEnvironment } from '../../component-environment.ts';
import type { RehearsalConfig } from './rehearsal-config.ts';

export interface CopyEnvironment {
  readonly config: CellConfig;
  readonly rehearsal: RehearsalConfig;
  /** The store that there is a copy of, and its URL. */
  readonly store: string;
  readonly url: string;
  readonly slot: string;
  /** Folder for private copies of secret files. */
  readonly dir: string;
  readonly user: RunAs | undefined;
}

/**
 * All that a component is given on the copy: the copy's URL, and what the cell's configuration says for it. Nothing that names
 * another store, nor any variable that isn't named there, comes along. Holds secrets: it goes to the process and nowhere else.
 */
export async function copyEnvironment(ask: CopyEnvironment): Promise<Record<string, string>> {
  const { config, rehearsal, store, url, slot, dir, user } = ask;
  const { keep } = rehearsal;
  const environment = await componentEnvironment(
    {
      ...config,
      dir,
      env: { ...kept(config.env, keep), ...rehearsal.env },
      secretEnv: { ...kept(config.secretEnv, keep), ...rehearsal.secretEnv },
      secretFiles: kept(config.secretFiles, keep),
      storeEnv: {},
    },
    slot,
    user,
  );
  for (const [variable, of] of Object.entries(config.storeEnv)) if (of === store) environment[variable] = url;
  return environment;
}

/** Those of the variables that are named. */
export function kept(variables: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.includes(name)));
}
