import type { FoldMeans } from '@headgate/control';
import { type AnyContent, statedIn, statementIn } from '@headgate/documents';
import { countsOf } from '../installation/trust.ts';
import { specOf } from './read-all.ts';

/** How the audit reads what is kept: documents and evidence, as they were taken up. */
export const AUDIT_MEANS: Pick<FoldMeans, 'specOf' | 'statedIn' | 'signedIn'> = {
  specOf: (content) => specOf(content as AnyContent),
  statedIn(bundle) {
    const stated = statedIn(bundle);
    if (stated === undefined) return undefined;
    const { result, ...rest } = stated;
    return { ...rest, ...(result === undefined ? {} : { result: countsOf(result) }) };
  },
  signedIn(bundle) {
    const signed = statementIn(bundle);
    if (signed === undefined) return undefined;
    return {
      keyId: signed.keyId,
      about: signed.statement.subject.map(({ digest }) => `sha256:${digest.sha256}` as const),
    };
  },
};
