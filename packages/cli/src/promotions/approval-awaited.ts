import type { Explanation } from '@headgate/contract';

/** The verdict of the gate that waits for approvals, as the server gives it now; undefined when no approval is waited for. */
export function approvalAwaited(explained: Explanation | undefined): Explanation['gates'][number] | undefined {
  return explained?.gates.find(({ gate, verdict }) => gate === 'approval' && verdict === 'pending');
}
