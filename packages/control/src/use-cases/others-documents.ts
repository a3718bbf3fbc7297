/**
 * What a document would take from somebody else. Names of documents are the installation's, so two services may well choose
 * the same: `production`, say. Then the later one must not become what the earlier one's releases are judged by.
 */
import type { Refusal } from '@headgate/domain';
import { type DocumentRecord, streams } from '../records.ts';

/** What is asked of a document, as it was and as it would be. */
type Part = Pick<DocumentRecord, 'kind' | 'name' | 'owner' | 'spec'>;

const TAKE_OVER = 'if it is meant to change hands, say so: headgate apply -f FILE --take-over';

/** The refusal for a document that is another application's, stands in another environment, or is another owner's. */
export function takenFromOthers(before: Part, after: Part): Refusal | undefined {
  const { kind, name } = after;
  const refusal = (code: string, why: string, unblock: string): Refusal => ({
    code,
    what: `declare ${kind} ${name}`,
    where: streams.document(kind, name),
    why,
    unblock: `${unblock}; ${TAKE_OVER}`,
  });
  const [was, is] = [before.spec, after.spec] as Readonly<Record<string, unknown>>[];
  if (kind === 'Environment' && was?.application !== is?.application)
    return refusal(
      'of-another-application',
      `environment ${name} is of application ${was?.application}, and would become ${is?.application}’s`,
      `choose another name for ${is?.application}’s environment, ${is?.application}-${name} for example`,
    );
  if (kind === 'Cell' && was?.environment !== is?.environment)
    return refusal(
      'of-another-environment',
      `cell ${name} stands in environment ${was?.environment}, and would be put into ${is?.environment}`,
      'choose another name for the cell (of a service: for its environment)',
    );
  if (before.owner !== after.owner)
    return refusal(
      'of-another-owner',
      `${before.owner} declared it, and ${after.owner} would change it`,
      'choose another name, or ask its owner to change it',
    );
  return undefined;
}
