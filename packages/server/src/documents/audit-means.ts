import type { FoldMeans } from '@headgate/control';
import { type AnyContent, statedIn } from '@headgate/documents';
import { countsOf } from '../installation/trust.ts';
import { specOf } from './read-all.ts';

/** How the audit reads what is kept: documents and evidence, as they were taken up. */
export const AUDIT_MEANS: Pick<FoldMeans, 'specOf' | 'statedIn'> = {
  specOf: (content) => specOf(content as AnyContent),
  statedIn(bundle) {
    const stated = statedIn(bundle);
    if (stated === undefined) return undefined;
    const { result, ...rest } = stated;
    return { ...rest, ...(result === undefined ? {} : { result: countsOf(result) }) };
  },
};
