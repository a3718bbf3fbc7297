/** What a person adds to the signers of a trust file, so that what this agent sealed, drilled and brought back is believed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { keptSigningKey, ownSigningKey } from '@headgate/adapters/machine/own-signing-key';
import type { SigningKey } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';
import { hasVault } from '../vault-cells.ts';

const FILE = 'restoration.pem';

/** The agent's own key, made once, for what it signs of cells without a vault, or on a machine without the vault's key. */
export async function restorationKey({ dataDir }: Pick<AgentConfig, 'dataDir'>): Promise<SigningKey> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return ownSigningKey(join(dataDir, FILE));
}

/** An entry for each key that this agent signs with for these cells, as YAML. Keys that aren't there yet are made. */
export async function trustEntries(
  config: Pick<AgentConfig, 'dataDir' | 'name'>,
  cells: readonly AnyCellConfig[],
): Promise<string> {
  const keys = new Map<string, readonly [name: string, key: SigningKey]>();
  const add = (name: string, key: SigningKey): void => {
    if (!keys.has(key.keyId)) keys.set(key.keyId, [name, key]);
  };
  const own = named(config.name);
  for (const cell of cells.filter(hasVault)) add(named(`${own}-${cell.cell}`), await vaultKey(cell.vault.keyFile));
  const kept = cells.every(hasVault) ? await keptSigningKey(join(config.dataDir, FILE)) : await restorationKey(config);
  if (kept !== undefined) add(named(`${own}-restorations`), kept);
  return [...keys.values()].map(([name, key]) => entry(keys.size === 1 ? own : name, key)).join('');
}

function entry(name: string, { keyId, publicKeyPem }: SigningKey): string {
  const pem = publicKeyPem.trim().split('\n');
  return `    - name: ${name}
      may: [restore-point]           # the key ${keyId}
      publicKey: |
${pem.map((line) => `        ${line}\n`).join('')}`;
}

/** As a trust file takes a name. */
function named(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+/, '')
      .slice(0, 60)
      .replace(/-+$/, '') || 'agent'
  );
}
