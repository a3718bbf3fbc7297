import { digestOf } from '@headgate/documents';
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { Digest } from '@headgate/domain';
import type { Difference } from '@headgate/execution';

type Action = NonNullable<ReconciliationContent['spec']['rules'][number]['do']>;
type Scalar = string | number | boolean | null;
type Found = Pick<Difference, 'key' | 'tenant' | 'left' | 'right' | 'asked'>;

/** What a rule's statement is given about a difference: values of $1, $2 … */
export function valuesOf({ params }: Pick<Action, 'params'>, difference: Found): readonly Scalar[] {
  return params.map((parameter) => {
    if (parameter === '$key') return difference.key;
    if (parameter === '$tenant') return difference.tenant;
    const [side, field] = parameter.slice(1).split('.') as ['left' | 'right' | 'asked', string];
    return difference[side]?.fields[field] ?? null;
  });
}

/** The same as a digest, for a plan: it says whether they are what they were, and no customer's data. */
export function digestOfValues(action: Pick<Action, 'params'>, difference: Found): Digest {
  return digestOf(JSON.stringify(valuesOf(action, difference)));
}
