/**
 * The server as the agent sees it: outbound calls only, each with its own patience. What the server refuses for good is a
 * value; what may be tried again (it is away, restarting, overloaded) is thrown as {@link Away}.
 */
import {
  type Client,
  MAX_LEASE_CELLS,
  MAX_TOLD_DOCUMENTS,
  ProblemError,
  type Promotion,
  UnreadableAnswer,
} from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import type {
  CellAccount,
  CellState,
  Digest,
  Fence,
  Outcome,
  ToldMove,
  ToldStandby,
  ToldVault,
  UndoneAway,
} from '@headgate/domain';
import type { PinnedEnvironment } from '../checks/facts.ts';
import { type Assignment, assignmentOf } from './assignment.ts';
import { StandbyClock } from './heard-clock.ts';

/** The server can't answer now, or doesn't answer this agent. */
export class Away extends Error {
  /**
   * It is there, and refuses, or has trouble of its own, or says what this agent doesn't understand: that is no absence, and
   * somebody else may be at work in this agent's place.
   */
  readonly refuses: boolean;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'Away';
    this.refuses = isThere(cause);
  }
}

/** Whether a call that failed was answered by a server that decides: one without its database says itself that it doesn't. */
function isThere(error: unknown): boolean {
  if (error instanceof ProblemError) return !(error.status === 503 && error.code === 'unavailable');
  return error instanceof UnreadableAnswer;
}

/** Short: a lease lives for seconds, and a renewal that hangs is as bad as one that fails. */
const RENEW_PATIENCE_MS = 1_500;
/** Nobody waits long for an end. */
const FAREWELL_PATIENCE_MS = 2_000;
const SETTLE_PATIENCE_MS = 10_000;
const BLOB_PATIENCE_MS = 60_000;
/** What the server will never take, however often it is told. */
const REFUSED: readonly number[] = [400, 404, 409, 410, 412, 413, 422];

/** Answers of calls that go by what they name: it is gone, or somebody else's. */
const SAID_NO: readonly number[] = [404, 409, 410, 412];

export class ControlPlane {
  readonly #client: Client;
  readonly #standbyClock: StandbyClock;
  #hears: (refusal?: string) => void = () => {};

  constructor(client: Client) {
    const call = async (...asked: Parameters<Client['call']>) => {
      try {
        const answer = await client.call(...asked);
        this.#hears();
        return answer;
      } catch (error) {
        if (error instanceof ProblemError && SAID_NO.includes(error.status)) this.#hears();
        else if (isThere(error)) this.#hears((error as Error).message);
        throw error;
      }
    };
    this.#client = { ...client, call: call as Client['call'] };
    this.#standbyClock = new StandbyClock(this.#client, SETTLE_PATIENCE_MS);
  }

  /** Whoever counts how long the server is silent hears of every answer to any call; `refusal`: it is one that helps nobody. */
  onAnswer(hears: (refusal?: string) => void): void {
    this.#hears = hears;
  }

  /**
   * Waits up to `waitMs` for a step on offer; undefined when there is none. `seen`: the newest epoch and the size of the log
   * as we know them, by which a server notices that its database forgot something. `cells`: those that are ours.
   */
  async lease(
    waitMs: number,
    signal: AbortSignal,
    seen: { readonly epoch: number; readonly head: number } = { epoch: 0, head: 0 },
    cells: readonly string[] = [],
  ): Promise<Assignment | undefined> {
    const own = cells.length > 0 && cells.length <= MAX_LEASE_CELLS ? { cells: cells.join(',') } : {};
    const { assignment } = await reached(
      this.#client.call('leaseStep', { ...seen, ...own, body: { waitMs } }, { signal, timeoutMs: SETTLE_PATIENCE_MS }),
    );
    return assignment === null ? undefined : assignmentOf(assignment);
  }

  /** How long the lease lives from the moment of asking, milliseconds; undefined when it is somebody else's now. */
  async renew(rollout: string, { epoch, n }: Fence, signal: AbortSignal): Promise<number | undefined> {
    const answer = await unlessRefused(
      this.#client.call('renewLease', { rollout, n, epoch }, { signal, timeoutMs: RENEW_PATIENCE_MS }),
    );
    return answer?.lifetimeMs;
  }

  /** Answers for an assignment; false when it is somebody else's now, or was settled: the outcome is dropped. */
  async settle(rollout: string, { epoch, n }: Fence, outcome: Outcome): Promise<boolean> {
    const settle = (said: Outcome) =>
      this.#client.call('settleStep', { rollout, n, epoch, body: said as never }, { timeoutMs: SETTLE_PATIENCE_MS });
    const plain = withoutTimes(outcome);
    // An older server refuses what it doesn't know: it hears of the outcome without that.
    const call = settle(outcome).catch((error: unknown) => {
      if (plain === outcome || !(error instanceof ProblemError) || error.status !== 422) throw error;
      return settle(plain);
    });
    return (await unlessRefused(call)) !== undefined;
  }

  /** Tells what was undone without it; answers what the server made of that, in words. Throws while it is away. */
  async undone(rollout: string, told: UndoneAway): Promise<string> {
    try {
      const body = told as never;
      const { took } = await this.#client.call('tellUndone', { rollout, body }, { timeoutMs: BLOB_PATIENCE_MS });
      return took;
    } catch (error) {
      if (error instanceof ProblemError && REFUSED.includes(error.status))
        return `refused: ${error.message}`.slice(0, 500);
      return reached(Promise.reject(error));
    }
  }

  /**
   * Says what is seen in a cell, and what is pinned for its environment, so that people hear of it before they approve what
   * would be refused here. `unread`: the server asks what was done there, see {@link tell}.
   */
  async observe(state: CellState, pinned: PinnedEnvironment | undefined): Promise<{ readonly unread: boolean }> {
    const input = { cell: state.cell, ...(pinned && told(pinned)), body: state as never };
    const { unread } = await reached(this.#client.call('observeCell', input, { timeoutMs: SETTLE_PATIENCE_MS }));
    return { unread: unread !== undefined };
  }

  /**
   * Says what is seen of the standbys of a cell's stores, `looked` by what it would be at a moment of this process' monotonic
   * clock. An older server has no place for it, and hears nothing.
   */
  async tellStandbys(cell: string, looked: (askedAt: number) => readonly ToldStandby[]): Promise<void> {
    await unlessAbsent(this.#standbyClock.tell(cell, looked));
  }

  /** Says how the data stands that is being moved in a cell. An older server has no place for it, and hears nothing. */
  async tellMoves(cell: string, moves: readonly ToldMove[]): Promise<void> {
    await unlessAbsent(
      this.#client.call('tellMoves', { cell, body: { moves: moves as never } }, { timeoutMs: SETTLE_PATIENCE_MS }),
    );
  }

  /** Says what could be brought back of a cell's stores. An older server has no place for it, and hears nothing. */
  async tellVaults(cell: string, vaults: readonly ToldVault[]): Promise<void> {
    await unlessAbsent(
      this.#client.call('tellVaults', { cell, body: { vaults: vaults as never } }, { timeoutMs: SETTLE_PATIENCE_MS }),
    );
  }

  /** Tells a restored server what was done in a cell; `asked`: it asks a person about it. */
  async tell(account: CellAccount): Promise<{ readonly asked: boolean }> {
    const { cell } = account.state;
    const { unread } = await reached(
      this.#client.call('readBackCell', { cell, body: account as never }, { timeoutMs: SETTLE_PATIENCE_MS }),
    );
    return { asked: unread?.asked === true };
  }

  /** Records a drill's signed statement; answers what the server made of that, in words. Throws while it is away. */
  recordDrill(bundle: Readonly<Record<string, unknown>>): Promise<string> {
    return recorded(this.#client.call('recordDrill', { body: { bundle } }, { timeoutMs: SETTLE_PATIENCE_MS }));
  }

  /** The same of a compensation plan that was carried out. */
  recordReconciliation(bundle: Readonly<Record<string, unknown>>): Promise<string> {
    return recorded(this.#client.call('recordReconciliation', { body: { bundle } }, { timeoutMs: SETTLE_PATIENCE_MS }));
  }

  /** The same of something that was brought back. */
  recordRestoration(bundle: Readonly<Record<string, unknown>>): Promise<string> {
    return recorded(this.#client.call('recordRestoration', { body: { bundle } }, { timeoutMs: SETTLE_PATIENCE_MS }));
  }

  /** The agent's last word: it ends, and nothing runs any more in these of its cells. False: it couldn't be said. */
  async farewell(stopped: readonly string[]): Promise<boolean> {
    const call = this.#client.call(
      'sayFarewell',
      { body: { stopped: [...stopped] } },
      { timeoutMs: FAREWELL_PATIENCE_MS },
    );
    return call.then(
      () => true,
      () => false,
    );
  }

  async putBlob(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    await reached(this.#client.call('putBlob', { digest, body: bytes }, { timeoutMs: BLOB_PATIENCE_MS }));
    return digest;
  }

  /** Undefined when the server has none of that digest. The bytes are the server's claim: hash them. */
  async blob(digest: Digest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return unlessAbsent(this.#client.call('getBlob', { digest }, { signal, timeoutMs: BLOB_PATIENCE_MS }));
  }

  /** Digest of the bundle that seals a release; null for a baseline, undefined when the server knows no such release. */
  async bundleOf(release: Digest, signal: AbortSignal): Promise<Digest | null | undefined> {
    return (await unlessAbsent(this.#client.call('showRelease', { digest: release }, { signal })))?.bundle;
  }

  /** Promotions that take a cell along and haven't ended. Throws an {@link Away} where the server can't say it, or is an older one. */
  async openPromotions(environment: string, cell: string, signal: AbortSignal): Promise<readonly Promotion[]> {
    const found: Promotion[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const asked = { environment, open: 'true' as const, limit: 200, ...(cursor !== undefined && { cursor }) };
      // An environment that nobody declared has none.
      const page = await unlessAbsent(
        this.#client.call('listPromotions', asked, { signal, timeoutMs: SETTLE_PATIENCE_MS }),
      );
      found.push(...(page?.items ?? []).filter(({ cells }) => cells.includes(cell)));
      cursor = page?.next ?? null;
    }
    return found;
  }

  /** The latest signed tree head's note; undefined when none was published yet. */
  async head(signal: AbortSignal): Promise<string | undefined> {
    return unlessAbsent(this.#client.call('logHead', {}, { signal }));
  }

  async consistency(from: number, to: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const { proof } = await reached(this.#client.call('logConsistency', { from, to }, { signal }));
    return proof.map((hash) => Buffer.from(hash, 'base64'));
  }
}

/** What a refusal of the server's says, with what would unblock it. */
export function refusalWords({ message, problem }: ProblemError): string {
  const unblock = problem.refusals[0]?.unblock;
  return unblock === undefined || unblock === '' ? message : `${message}; to unblock: ${unblock}`;
}

/** `recorded`, or why the server refuses a statement for good, in words. */
async function recorded(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'recorded';
  } catch (error) {
    // An older server has no such route; one that refuses the agent's key says so.
    if (error instanceof ProblemError && [...REFUSED, 403].includes(error.status))
      return `refused: ${refusalWords(error)}`.slice(0, 500);
    return reached(Promise.reject(error));
  }
}

/** The same outcome without what migrations took, and what was kept before a way back, which older servers have no field for. */
function withoutTimes(outcome: Outcome): Outcome {
  if (outcome.kind === 'waiting' || outcome.result === undefined) return outcome;
  const { migrations, keptBefore, ...result } = outcome.result;
  if (migrations === undefined && keptBefore === undefined) return outcome;
  return { ...outcome, result };
}

/** What is pinned, as it goes into headers: older servers overlook it there. */
function told({ policyDigest, documents, signedApprovals = false }: PinnedEnvironment) {
  const signed = signedApprovals ? ('true' as const) : ('false' as const);
  return { policy: policyDigest ?? 'any', documents: documentsTold(documents), signed };
}

function documentsTold(documents: PinnedEnvironment['documents']): string {
  if (documents === undefined) return 'any';
  if (documents.length > MAX_TOLD_DOCUMENTS) return 'many';
  return documents.length === 0 ? 'none' : documents.join(',');
}

/** What the server refuses here is a fault of the installation (a wrong token …): as hopeless as its absence, for now. */
async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new Away(whyAway(error as Error), error);
  }
}

/** Of a refused token in words that an agent's own operator can do something with. */
function whyAway(error: Error): string {
  if (!(error instanceof ProblemError) || error.status !== 401) return error.message;
  return `the server doesn't take this agent's token: it was replaced or revoked, or this is another server. Put the new one (headgate principal rotate ID --token-out FILE) into the file that agent.yaml names as tokenFile, and start the agent anew`;
}

/** Undefined when the server says no for good: the assignment is not ours any more. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  return unlessStatus(call, SAID_NO);
}

async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  return unlessStatus(call, [404]);
}

async function unlessStatus<T>(call: Promise<T>, statuses: readonly number[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProblemError && statuses.includes(error.status)) return undefined;
    return reached(Promise.reject(error));
  }
}
