import type { Client, Explanation } from '@headgate/contract';

/**
 * The verdict of the gate that waits for approvals, as the server gives it now; undefined when no approval is waited for. It is
 * asked for after the word itself was taken, which a question that isn't answered doesn't take back.
 */
export async function approvalAwaited(
  client: Client,
  promotion: string,
): Promise<Explanation['gates'][number] | undefined> {
  const explained = await client.call('explainPromotion', { promotion }).catch(() => undefined);
  return explained?.gates.find(({ gate, verdict }) => gate === 'approval' && verdict === 'pending');
}
