import { parseDocuments } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { exampleDocuments } from '../documents.ts';

/** What a person pins at the agent for an environment. */
export interface Pins {
  readonly policyDigest?: Digest;
  readonly documents: readonly Digest[];
}

/**
 * By environment, the digests of its policy and of the application's verifications and reconciliations: what the agent
 * pins, so that nobody gets a plan carried out by declaring a weaker policy, or has the agent do other things with the
 * tenants' credentials by declaring other checks. In earnest a person reads these documents and carries their digests to
 * the agent; here we are that person.
 */
export function pinsOf(documents = exampleDocuments()): ReadonlyMap<string, Pins> {
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
  const acted = parsed.flatMap(({ content, digest }) =>
    content.kind === 'Verification' || content.kind === 'Reconciliation' ? [digest] : [],
  );
  const pins = new Map<string, Pins>();
  for (const { content } of parsed) {
    if (content.kind !== 'Environment') continue;
    const policyDigest = policies.get(content.spec.policy);
    pins.set(content.metadata.name, {
      ...(policyDigest === undefined ? {} : { policyDigest }),
      documents: acted,
    });
  }
  return pins;
}
