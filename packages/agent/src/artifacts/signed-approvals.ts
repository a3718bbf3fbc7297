import { openApproval, type SignedApproval, type Trust } from '@headgate/documents';
import type { Assignment } from '../control-plane/assignment.ts';
import { type BlobCache, Tampered } from './blob-cache.ts';

/** More approvals than this are not opened: a server could keep an agent busy with them. */
const MOST = 50;

/** Opens what approvers signed, with the agent's own trust: the bundles come from the server, the keys do not. */
export class SignedApprovals {
  readonly #blobs: Pick<BlobCache, 'get'>;
  readonly #trust: Pick<Trust, 'signers'>;

  constructor(blobs: Pick<BlobCache, 'get'>, trust: Pick<Trust, 'signers'>) {
    this.#blobs = blobs;
    this.#trust = trust;
  }

  /** Those of an assignment's approvals whose signature holds and names its envelope. Throws when the server is away. */
  async of(assignment: Assignment, signal: AbortSignal): Promise<readonly SignedApproval[]> {
    const held: SignedApproval[] = [];
    for (const { bundle } of assignment.approvals.slice(0, MOST)) {
      if (bundle === undefined) continue;
      const opened = await this.#open(bundle, assignment, signal);
      if (opened?.ok) held.push(opened.approval);
    }
    return held;
  }

  /** Undefined when the bytes can't be what they are said to be: then it is no approval, and the check says how many are. */
  async #open(
    bundle: NonNullable<Assignment['approvals'][number]['bundle']>,
    { envelope }: Assignment,
    signal: AbortSignal,
  ) {
    try {
      const bytes = await this.#blobs.get(bundle, signal);
      return openApproval(JSON.parse(Buffer.from(bytes).toString('utf8')), this.#trust, envelope);
    } catch (error) {
      if (error instanceof Tampered || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}
