/** The Verification that a person names for a cell; one that nobody pinned isn't run where some are pinned. */
import type { AgentConfig } from '../config.ts';
import type { VerificationToRun } from '../dr/business.ts';
import { readVerification } from './business.ts';

export async function pinnedVerification(
  { environments }: Pick<AgentConfig, 'environments'>,
  environment: string,
  file: string | undefined,
  tenants: readonly string[],
): Promise<VerificationToRun | undefined> {
  if (file === undefined) return undefined;
  const { name, digest, content } = await readVerification(file);
  const pinned = environments.find((each) => each.name === environment)?.documents;
  if (pinned !== undefined && !pinned.includes(digest))
    throw new Error(
      `nobody pinned the Verification ${name} (${digest}) for ${environment} here: read it, and add its digest to the environment’s documents in agent.yaml`,
    );
  return { name, content, tenants };
}
