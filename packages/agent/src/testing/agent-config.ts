import { join } from 'node:path';
import type { AgentConfig } from '../config.ts';

/** For tests only: an agent of one cell whose files stand in a folder of the test's own, and that looks often. */
export function agentConfig(
  dir: string,
  server: string,
  more: Omit<Partial<AgentConfig>, 'server'> & Pick<AgentConfig, 'watchEveryMs'>,
): AgentConfig {
  const names = { cell: 'shared', environment: 'production', application: 'psa' };
  const cell: object = { ...names, stores: {}, externalStores: {}, tenants: {} };
  return {
    server,
    name: 'agt_test',
    tokenFile: join(dir, 'token'),
    dataDir: join(dir, 'data'),
    trustFile: join(dir, 'trust.yaml'),
    environments: [{ name: 'production' }],
    cells: [cell as AgentConfig['cells'][number]],
    observeEveryMs: 50,
    headEveryMs: 50,
    graceMs: 200,
    logLevel: 'silent',
    backups: [],
    ...more,
  };
}
