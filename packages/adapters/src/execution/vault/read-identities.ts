import { readSecret } from '../../machine/durable-file.ts';

/** Identities of age's, a line each; other lines are remarks. The file has to be 0600. */
export async function readIdentities(file: string): Promise<readonly string[]> {
  const lines = (await readSecret(file)).split('\n').map((line) => line.trim());
  const identities = lines.filter((line) => line.startsWith('AGE-SECRET-KEY-'));
  if (identities.length === 0) throw new Error(`${file} holds no identity of age (AGE-SECRET-KEY-1…)`);
  return identities;
}
