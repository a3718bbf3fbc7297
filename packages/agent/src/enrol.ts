import { readFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readSecret, writeDurably } from '@headgate/adapters/machine/durable-file';
import { parseTrust } from '@headgate/documents';
import { stringify } from 'yaml';
import { loadConfig } from './config.ts';
import { witnessKey } from './heads/witness-key.ts';

export interface Enrolment {
  readonly server: string;
  readonly tokenFile: string;
  /** The trust file that a person hands over: copied, never fetched. */
  readonly trustFile: string;
  readonly dataDir: string;
  readonly name: string;
  /** `production`, or `production=sha256:…` to pin its policy. */
  readonly environments: readonly string[];
  readonly cellFiles: readonly string[];
}

export type Enrolled =
  | { readonly ok: true; readonly config: string; readonly witness: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Makes an agent's data folder: the pinned copy of the trust file (0600), its own witness key, `agent.yaml`. Talks to
 * nobody. Enrolling again replaces the configuration and the trust, which is how a person changes them; what the agent
 * has witnessed stays.
 */
export async function enrol(wanted: Enrolment): Promise<Enrolled> {
  const trust = readTrust(wanted.trustFile);
  if (!trust.ok) return trust;
  const tokenFile = resolve(wanted.tokenFile);
  try {
    await readSecret(tokenFile);
  } catch (error) {
    return { ok: false, problems: [`--token-file: ${(error as Error).message}`] };
  }
  const dataDir = resolve(wanted.dataDir);
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, 0o700);
  const trustFile = join(dataDir, 'trust.yaml');
  await writeDurably(trustFile, trust.text, 0o600);
  const config = join(dataDir, 'agent.yaml');
  const { server, name } = wanted;
  const environments = wanted.environments.map((each) => {
    const [environment, policyDigest] = each.split('=', 2);
    return policyDigest === undefined ? { name: environment } : { name: environment, policyDigest };
  });
  const cellFiles = wanted.cellFiles.map((file) => resolve(file));
  const content = { server, name, tokenFile, dataDir, trustFile, environments, cellFiles };
  await writeDurably(config, stringify(content), 0o600);
  const read = loadConfig(config);
  if (!read.ok) return read;
  const witness = await witnessKey(dataDir, name);
  return { ok: true, config, witness: witness.verifierKey };
}

function readTrust(
  path: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problems: readonly string[] } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { ok: false, problems: [`--trust: ${path} can't be read (${(error as NodeJS.ErrnoException).code})`] };
  }
  const read = parseTrust(text, path);
  return read.ok ? { ok: true, text } : { ok: false, problems: read.problems.map((p) => p.message) };
}
