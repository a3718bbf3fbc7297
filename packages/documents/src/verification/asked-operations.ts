/** Which of an application's operations the checks of a verification ask for, read from their requests before any is made. */
import { asksFor, type Operation } from '@headgate/domain/model/operation';
import type { AskedOperation } from '@headgate/domain/plan/activation';
import { parseTemplate } from '../kinds/expressions.ts';
import type { VerificationContent } from '../kinds/verification.ts';

/** What stands for a value that isn't known before: one part of a path, since values are encoded. */
const ANY = 'x';

/** By its check, `workflow/step`. A part of a path that only its value says is taken for no part that an operation names. */
export function operationsAsked(
  { workflows }: VerificationContent['spec'],
  operations: readonly Operation[],
): readonly AskedOperation[] {
  return workflows.flatMap(({ workflowId, steps }) =>
    steps.flatMap(({ stepId, request }) => {
      const asked = pathsOf(request.path).map((path) => ({ methods: [request.method ?? 'POST'], path }));
      return operations
        .filter((operation) => asked.some((each) => asksFor(operation, each)))
        .map(({ name }) => ({ check: `${workflowId}/${stepId}`, operation: name }));
    }),
  );
}

/** The path, and what of it comes after a tenant's own prefix, where it has one. */
function pathsOf(template: string): readonly string[] {
  const parts = parseTemplate(template) ?? [];
  const [path = ''] = parts
    .map((part) => (typeof part === 'string' ? part : ANY))
    .join('')
    .split('?', 1);
  const own = /^\/t\/[^/]+(\/.*)$/.exec(path)?.[1];
  return own === undefined ? [path] : [path, own];
}
