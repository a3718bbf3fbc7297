import { parseDocuments } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { exampleDocuments } from '../documents.ts';

/**
 * The policy of each environment, by digest: what the agent pins, so that nobody gets a plan carried out by declaring a
 * weaker policy. In earnest a person reads the policy and carries its digest to the agent; here we are that person.
 */
export function pinnedPolicies(documents = exampleDocuments()): ReadonlyMap<string, Digest> {
  const parsed = documents.flatMap(({ file, text }) => {
    const read = parseDocuments(text, { file });
    if (!read.ok) throw new Error(read.problems.map((p) => p.message).join('\n'));
    return read.documents;
  });
  const policies = new Map(
    parsed.flatMap(({ content, digest }) =>
      content.kind === 'Policy' ? [[content.metadata.name, digest] as const] : [],
    ),
  );
  const pinned = new Map<string, Digest>();
  for (const { content } of parsed) {
    if (content.kind !== 'Environment') continue;
    const digest = policies.get(content.spec.policy);
    if (digest !== undefined) pinned.set(content.metadata.name, digest);
  }
  return pinned;
}
