import { ObjectStoreTrouble } from '@headgate/execution';

/** Why a drill doesn't go on, in words that hold nothing of what customers wrote. */
export class InOurWords extends Error {}

export function isOurs(error: unknown): boolean {
  return error instanceof InOurWords || error instanceof ObjectStoreTrouble;
}
