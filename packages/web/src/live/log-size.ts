import { type Client, ProblemError } from '@headgate/contract';

/** Entries of the signed log; 0 before there is a head. A tree head's second line is its size (C2SP tlog-checkpoint). */
export async function logSize(client: Client): Promise<number> {
  const note = await client.call('logHead').catch((error: unknown) => {
    if (error instanceof ProblemError && error.status === 404) return '';
    throw error;
  });
  const size = Number(note.split('\n')[1] ?? 0);
  return Number.isSafeInteger(size) ? size : 0;
}
