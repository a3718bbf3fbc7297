import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, type Objection, ProblemError } from '@headgate/contract';
import { parseDocuments } from '@headgate/documents';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { everything } from '../paging.ts';
import { agentOf } from './pin-anew.ts';

/** The copy of the trust file that is carried. Not `trust.yaml`, which is what an agent has pinned when it was enrolled. */
const TRUST_COPY = 'handed-trust.yaml';

export interface HandedOver {
  /** The file that names it all. */
  readonly file: string;
  /** What is said there differs from what was handed over before: it has to be carried once more. */
  readonly changed: boolean;
  /** Environments that an agent that was enrolled before got now, besides the others. */
  readonly widened: readonly string[];
  /** What the agent told that it holds, where that is something else still. */
  readonly objections: readonly Objection[];
}

/**
 * What the agent needs of us, in a folder that a person carries to it: token, trust, and what it is to hold us to. Nothing
 * in it points out of the folder. An agent that is enrolled keeps its token and gets the environments that came since.
 */
export async function handOver(
  { client, env }: Session,
  folder: string,
  service: string,
  documents: string,
  trustFile: string,
): Promise<HandedOver> {
  const id = agentOf(service);
  const agent = agentFolder(folder, service, id);
  mkdirSync(agent, { recursive: true, mode: 0o700 });
  const environments = environmentsOf(service, documents);
  const tokenFile = join(agent, 'token');
  const widened = await enrol(
    client,
    id,
    environments.map(({ name }) => name),
    tokenFile,
  );
  writeFileSync(join(agent, TRUST_COPY), readFileSync(trustFile), { mode: 0o600 });
  const { url } = JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8')) as { url: string };
  const file = join(agent, 'handed.json');
  const server = env.HEADGATE_SERVER ?? url;
  const text = `${JSON.stringify({ server, name: id, tokenFile: 'token', trustFile: TRUST_COPY, environments }, null, 2)}\n`;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  writeFileSync(file, text, { mode: 0o600 });
  const objections = await heldStill(client, id, environments);
  return { file, changed: before !== undefined && before !== text, widened, objections };
}

/** Where this agent holds something else than what is declared now, by its own word: an agent that hasn't told yet has none. */
async function heldStill(
  client: Client,
  agent: string,
  environments: readonly { readonly name: string }[],
): Promise<readonly Objection[]> {
  const found: Objection[] = [];
  for (const { name: environment } of environments) {
    const page = (from: { cursor?: string }) => client.call('listPins', { environment, limit: 200, ...from });
    const cells = await everything(page).catch((error: Error) => {
      // An older server doesn't know of it.
      if (error instanceof ProblemError && error.status === 404) return [];
      throw error;
    });
    found.push(...cells.flatMap(({ objections }) => objections.filter((each) => each.agent === agent)));
  }
  return found;
}

/** A policy as it was handed over, and as it counts now. */
export interface ChangedByOthers {
  readonly environment: string;
  readonly policy: string;
  readonly handed: string;
  readonly digest: string;
}

/**
 * Policies of a service that somebody declared otherwise since `setup` did, each with the digest that counts now: declaring
 * the service's own again would take that back, a gate perhaps, without a word.
 */
export async function changedByOthers(
  { client }: Pick<Session, 'client'>,
  folder: string,
  service: string,
  documents: string,
): Promise<readonly ChangedByOthers[]> {
  const file = join(agentFolder(folder, service, agentOf(service)), 'handed.json');
  if (!existsSync(file)) return [];
  const before = JSON.parse(readFileSync(file, 'utf8')) as { readonly environments?: readonly Handed[] };
  const changed = await Promise.all(
    pinnedFor(service, documents).map(async ({ environment, policy, policyDigest }) => {
      const handed = before.environments?.find(({ name }) => name === environment)?.policyDigest;
      if (handed === undefined) return [];
      // A server that hasn't it any more (its data was begun anew) has nothing that could be taken back.
      const found = await client.call('showDocument', { kind: 'Policy', name: policy }).catch((error: Error) => {
        if (error instanceof ProblemError && error.status === 404) return undefined;
        throw error;
      });
      const digest = found?.digest;
      return digest === undefined || digest === handed || digest === policyDigest
        ? []
        : [{ environment, policy, handed, digest }];
    }),
  );
  return changed.flat();
}

interface Handed {
  readonly name: string;
  readonly policyDigest?: string;
}

/** Enrols the agent, or widens what it is enrolled for; answers with the environments that came to those of before. */
async function enrol(
  client: Client,
  id: string,
  environments: readonly string[],
  tokenFile: string,
): Promise<readonly string[]> {
  // In the order of ids the one of exactly this name comes first.
  const { items } = await client.call('listPrincipals', { prefix: id, limit: 1 });
  const known = items.find((each) => each.id === id);
  if (known === undefined) {
    const enrolled = await client.call('enrolAgent', { body: { id, environments: [...environments] } });
    writeFileSync(tokenFile, `${enrolled.token}\n`, { mode: 0o600 });
    return [];
  }
  if (known.revoked === true)
    throw new Failure(
      EXIT.refused,
      'revoked',
      `${id}, the agent of this service, was revoked, and that is for good`,
      'give the service another name, or write the documents yourself (docs/bring-your-own.md)',
    );
  if (!existsSync(tokenFile))
    throw new Failure(
      EXIT.refused,
      'no-token',
      `${id} is enrolled, and its token isn't in ${tokenFile}`,
      `put it back there; or make a new one, with which the one before ends at once: headgate principal rotate ${id} --token-out ${tokenFile}`,
    );
  const has = new Set(known.environments ?? []);
  const more = environments.filter((name) => !has.has(name));
  if (more.length > 0) await client.call('widenAgent', { id, body: { environments: more } });
  return more;
}

/** `agent` for the first service of a data folder, and one with its own name for every other: an agent is one of them. */
function agentFolder(folder: string, service: string, id: string): string {
  const first = join(folder, 'agent');
  const owner = ownerOf(first);
  return owner === undefined || owner === id ? first : join(folder, `agent-${service}`);
}

/** The agent that a folder is for; undefined: nobody's yet. One that is somebody's, whoever it is, isn't another one's. */
function ownerOf(folder: string): string | undefined {
  const [handed, token] = [join(folder, 'handed.json'), join(folder, 'token')];
  if (existsSync(handed)) return String((JSON.parse(readFileSync(handed, 'utf8')) as { name?: unknown }).name);
  // Setup broke off between the two: a token begins with its principal's id.
  if (existsSync(token)) return readFileSync(token, 'utf8').split('.')[0];
  return existsSync(join(folder, 'agent.yaml')) ? '' : undefined;
}

/** What is pinned for each environment of a service: its policy, and the documents by which releases are checked. */
function environmentsOf(service: string, documents: string) {
  return pinnedFor(service, documents).map(({ environment: name, policyDigest, acted }) => ({
    name,
    policyDigest,
    documents: acted,
  }));
}

function pinnedFor(service: string, documents: string) {
  const parsed = parseDocuments(documents, { file: service });
  if (!parsed.ok)
    throw new Failure(EXIT.refused, 'service-malformed', parsed.problems.map((p) => p.message).join('\n'));
  const of = (kind: string) => parsed.documents.filter(({ content }) => content.kind === kind);
  const policies = new Map(of('Policy').map(({ content, digest }) => [content.metadata.name, digest]));
  const acted = [...of('Verification'), ...of('Reconciliation')].map(({ digest }) => digest);
  return of('Environment').map(({ content }) => {
    const { policy } = content.spec as { policy: string };
    return { environment: content.metadata.name, policy, policyDigest: policies.get(policy), acted };
  });
}
