import { randomBytes } from 'node:crypto';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';

const token = (): string => randomBytes(24).toString('base64url');

/** A file with one random token, 0600; what is there stays. */
export async function ensureToken(file: string): Promise<void> {
  if ((await readIfThere(file)) === undefined) await writeDurably(file, `${token()}\n`, 0o600);
}

/** A file with a random token for each tenant, 0600; what is there stays. */
export async function ensureTenantTokens(file: string, tenants: readonly string[]): Promise<void> {
  if ((await readIfThere(file)) !== undefined) return;
  await writeDurably(
    file,
    `${JSON.stringify(Object.fromEntries(tenants.map((tenant) => [tenant, token()])))}\n`,
    0o600,
  );
}
