import { policy as kind, type PolicyContent } from '@headgate/documents/kinds/policy';
import { policySpec } from '@headgate/documents/kinds/to-domain';
import type { Digest, PolicySpec } from '@headgate/domain';
import type { BlobCache } from './blob-cache.ts';

/** What a policy demands of every plan that is made under it. */
export type PolicyDemands = Pick<PolicySpec, 'gates' | 'rollbackScope'>;

/**
 * The policy that a person pinned, read by its digest: a plan that only names that digest may still have been made
 * without its gates. Undefined when its bytes are no policy.
 */
export async function pinnedPolicy(
  blobs: Pick<BlobCache, 'get'>,
  digest: Digest,
  signal: AbortSignal,
): Promise<PolicyDemands | undefined> {
  const bytes = await blobs.get(digest, signal);
  try {
    const read = kind.document.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return read.success ? policySpec(read.data as PolicyContent) : undefined;
  } catch {
    return undefined;
  }
}
