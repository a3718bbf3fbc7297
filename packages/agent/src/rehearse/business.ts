/** Whether the application's business transactions can be run on a copy, found out before anything is copied. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TenantBusinessAsk } from '@headgate/adapters/execution/odoo/rehearsal/index';
import { type BusinessAsk, whyNoBusiness } from '@headgate/adapters/execution/rehearsal/index';
import { parseDocuments } from '@headgate/documents';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import type { Digest } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { storeOf } from './open-copy.ts';
import type { RehearsedRelease } from './release-files.ts';

/** The Application's Verification, as `headgate rehearse` lays it out beside the release. */
const LAID_OUT = 'verification.json';
const MAX_BYTES = 1024 * 1024;

export interface BusinessWish {
  readonly config: Pick<AgentConfig, 'cells' | 'environments'> | undefined;
  readonly from: string | undefined;
  readonly release: RehearsedRelease;
  /** The folder that the release was laid out into. */
  readonly releaseDir: string;
  /** The file of another Verification than the Application's. */
  readonly verification: string | undefined;
  readonly unwanted: boolean;
  /** Whether they are carried out while the migrations run, too. */
  readonly underLoad: boolean;
  readonly workDir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Transactions of a cell of processes, or of a tenant of Odoo; or why none are run. */
export type WantedBusiness =
  | { readonly of: 'nobody'; readonly ask: { readonly notRun: string } }
  | { readonly of: 'process'; readonly ask: BusinessAsk }
  | { readonly of: 'odoo'; readonly ask: TenantBusinessAsk };

/** What is to be run, or why nothing can be. Throws where a person asked for what can't be had, or what nobody pinned. */
export async function businessOf(wish: BusinessWish): Promise<WantedBusiness> {
  const { config, from, release, verification: file, unwanted, workDir, signal, say } = wish;
  const notRun = (why: string): WantedBusiness => {
    if (file !== undefined) throw new Error(`--verification is for nothing: ${why}`);
    if (wish.underLoad) throw new Error(`nobody can work with the application under load: ${why}`);
    return { of: 'nobody', ask: { notRun: why } };
  };
  if (unwanted) return notRun('--no-business');
  if (config === undefined || from === undefined)
    return notRun('no cell says how the application of a bare database is started (--from STORE --config FILE)');
  const { cell, name: store } = storeOf({ cells: config.cells, from });
  // How Odoo is started is known; of other applications the cell says it.
  const why = cell.kind === 'odoo' ? undefined : whyNoBusiness(cell);
  if (why !== undefined) return notRun(why);
  const whole = release.whole;
  if (whole === undefined) return notRun('the files of the release’s components weren’t laid out');
  const place = file ?? join(wish.releaseDir, LAID_OUT);
  if (file === undefined && (await stat(place).catch(() => undefined)) === undefined)
    return notRun('the server told of no Verification of this application; name its file (--verification FILE)');
  const verification = await readVerification(place);
  const pinned = config.environments.find(({ name }) => name === cell.environment)?.documents;
  if (pinned !== undefined && !pinned.includes(verification.digest))
    throw new Error(
      `nobody pinned the Verification ${verification.name} (${verification.digest}) for ${cell.environment} here: read it, and add its digest to the environment’s documents in agent.yaml; or rehearse with --no-business`,
    );
  const asked = { verification, release: whole, signal, say, detail: say };
  if (cell.kind === 'odoo') return { of: 'odoo', ask: { ...asked, config: cell } };
  return { of: 'process', ask: { ...asked, config: cell, store, workDir } };
}

/** The one Verification in a file. Throws, in words, where there is none. */
export async function readVerification(
  file: string,
): Promise<{ readonly name: string; readonly digest: Digest; readonly content: VerificationContent }> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new Error(`there is no file ${file}`);
  if (facts.size > MAX_BYTES) throw new Error(`${file} has ${facts.size} bytes, at most ${MAX_BYTES} are read`);
  const parsed = parseDocuments(await readFile(file, 'utf8'), { file });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const found = parsed.documents.flatMap(({ content, digest }) =>
    content.kind === 'Verification' ? [{ content, digest }] : [],
  );
  const [document] = found;
  if (document === undefined || found.length > 1)
    throw new Error(`${file}: expected one document of kind Verification, found ${found.length}`);
  const { content, digest } = document;
  return { name: content.metadata.name, digest, content };
}
