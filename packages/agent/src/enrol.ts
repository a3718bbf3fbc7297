import { readFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { holderOf } from '@headgate/adapters/execution/process/cell-hold';
import { readIfThere, readSecret, writeDurably } from '@headgate/adapters/machine/durable-file';
import { parseTrust } from '@headgate/documents';
import { parseDocument, stringify } from 'yaml';
import { loadConfig } from './config.ts';
import { CONFIG_VERSION } from './config-version.ts';
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
  /** `production=sha256:…`: the verifications and reconciliations that alone are carried out there. */
  readonly documents?: readonly string[];
  /** Environments where only signed approvals count. */
  readonly signedApprovals?: readonly string[];
  /** The folder may be another agent's: it becomes this one's. */
  readonly force?: boolean;
}

export type Enrolled =
  | { readonly ok: true; readonly config: string; readonly witness: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Makes an agent's data folder: the pinned copy of the trust file (0600), its own witness key, `agent.yaml`. Talks to
 * nobody. Enrolling again replaces the configuration and the trust, which is how a person changes them; what the agent
 * has witnessed stays. A folder that is another agent's is refused.
 */
export async function enrol(wanted: Enrolment): Promise<Enrolled> {
  const trust = readTrust(wanted.trustFile);
  if (!trust.ok) return trust;
  const other = wanted.force === true ? undefined : await anotherAgent(resolve(wanted.dataDir), wanted.name);
  if (other !== undefined) return { ok: false, problems: [other] };
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
  const pinned = pinnedEnvironments(wanted);
  if (!pinned.ok) return pinned;
  const { environments } = pinned;
  const cellFiles = wanted.cellFiles.map((file) => resolve(file));
  const content = { version: CONFIG_VERSION, server, name, tokenFile, dataDir, trustFile, environments, cellFiles };
  await writeDurably(config, stringify(content), 0o600);
  const read = loadConfig(config);
  if (!read.ok) return read;
  const witness = await witnessKey(dataDir, name);
  return { ok: true, config, witness: witness.verifierKey };
}

/** Says that a folder is another agent's, which may be running from it; undefined when it is this one's or nobody's. */
async function anotherAgent(dataDir: string, name: string): Promise<string | undefined> {
  const file = join(dataDir, 'agent.yaml');
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  // A file that can't be read is replaced as before: enrolling again is how a person mends it.
  const owner = parseDocument(text, { logLevel: 'silent' }).get('name');
  if (typeof owner !== 'string' || owner === name) return undefined;
  return `${file} is agent ${owner}’s, and would become ${name}’s; give this one a folder of its own (--data DIR), or, if ${owner} is to be no more, --force`;
}

type Pinned =
  | { readonly ok: true; readonly environments: readonly object[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What is pinned for each environment. That digests are digests is for the configuration's own form to say. */
function pinnedEnvironments({ environments, documents = [], signedApprovals = [] }: Enrolment): Pinned {
  const split = (text: string): [string, string | undefined] => {
    const [name = '', value] = text.split('=', 2);
    return [name, value];
  };
  const known = new Set(environments.map((each) => split(each)[0]));
  const unknown = [
    ...documents.map((each) => ({ option: '--document', name: split(each)[0] })),
    ...signedApprovals.map((name) => ({ option: '--signed-approvals', name })),
  ].filter(({ name }) => !known.has(name));
  if (unknown.length > 0)
    return {
      ok: false,
      problems: unknown.map(
        ({ option, name }) => `${option}: expected one of the environments ${[...known].join(', ')}, found ${name}`,
      ),
    };
  return {
    ok: true,
    environments: environments.map((each) => {
      const [name, policyDigest] = split(each);
      const own = documents.map(split).flatMap(([of, digest]) => (of === name ? [digest ?? ''] : []));
      return {
        name,
        ...(policyDigest === undefined ? {} : { policyDigest }),
        ...(own.length === 0 ? {} : { documents: own }),
        ...(signedApprovals.includes(name) ? { signedApprovals: true } : {}),
      };
    }),
  };
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

/** Whether an agent works in a data folder, by its pid where that is proved. */
export function runningIn(dataDir: string): Promise<{ readonly pid: number | undefined } | undefined> {
  return holderOf(dataDir);
}

/** Said after enrolling where an agent runs: it read its configuration as it started. */
export function startAnewText({ pid }: { readonly pid: number | undefined }, config: string): string {
  const who = `the agent that runs there${pid === undefined ? '' : ` (pid ${pid})`}`;
  return `${who} holds what it held before until it is started anew: headgate-agent stop --config ${config} --agent-only && headgate-agent run --config ${config}`;
}
