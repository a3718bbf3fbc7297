/** What is asked of `headgate-agent dr`, by its words. */
import type { Trust } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';
import { readVerification } from '../rehearse/business.ts';
import type { VerificationToRun } from './business.ts';
import type { CellToRebuild } from './cell-to-rebuild.ts';

export interface DrAsk {
  readonly config: AgentConfig;
  /** The configuration's file, for commands that are printed. */
  readonly configFile: string;
  readonly cell: CellToRebuild;
  readonly trust: Trust;
  readonly identityFile: string | undefined;
  readonly releaseDir: string | undefined;
  readonly tokenFile: string | undefined;
  readonly verificationFile: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** What programs printed, for a person on this machine and for nobody else. */
  readonly detail: (words: string) => void;
}

/** The Verification that a person names; one that nobody pinned isn't run where some are pinned. */
export async function verificationOf(
  { config, cell, verificationFile }: DrAsk,
  tenants: readonly string[],
): Promise<VerificationToRun | undefined> {
  if (verificationFile === undefined) return undefined;
  const { name, digest, content } = await readVerification(verificationFile);
  const pinned = config.environments.find((each) => each.name === cell.environment)?.documents;
  if (pinned !== undefined && !pinned.includes(digest))
    throw new Error(
      `nobody pinned the Verification ${name} (${digest}) for ${cell.environment} here: read it, and add its digest to the environment’s documents in agent.yaml`,
    );
  return { name, content, tenants };
}
