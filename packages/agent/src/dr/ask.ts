/** What is asked of `headgate-agent dr`, by its words. */
import type { Trust } from '@headgate/documents';
import type { AgentConfig } from '../config.ts';
import { pinnedVerification } from '../rehearse/pinned-verification.ts';
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
  return pinnedVerification(config, cell.environment, verificationFile, tenants);
}
