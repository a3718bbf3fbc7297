import { type Deps, recordRefusal } from '@headgate/control';
import type { Principal, Refusal } from '@headgate/domain';
import type { Logger } from 'pino';

/** Refused attempts of one principal that go on the log, in a row and then per second: more are only counted. */
const BURST = 60;
const PER_SECOND = 1;
const MOST_PRINCIPALS = 1_000;
/**
 * That the server was too slow, away or restored is no attempt to do what is not allowed; nor that an agent hasn't looked
 * yet, after which whoever waits for it asks twice a second.
 */
const NO_ATTEMPTS: ReadonlySet<string> = new Set([
  'busy',
  'unavailable',
  'too-busy',
  'too-slow',
  'too-many-requests',
  'fault',
  'forgotten-past',
  'no-observation',
  'stale-observation',
  'no-manifest',
]);

/** Puts refused attempts to act on the log, bounded, so that nobody fills it with nonsense. */
export class Attempts {
  readonly #deps: Deps;
  readonly #logger: Logger;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(deps: Deps, logger: Logger) {
    this.#deps = deps;
    this.#logger = logger;
  }

  /** Records an attempt. Never throws: the caller hears the refusal, whatever becomes of the record. */
  async record(principal: Principal, refusals: readonly Refusal[]): Promise<void> {
    const [first] = refusals;
    if (first === undefined || NO_ATTEMPTS.has(first.code)) return;
    if (!this.#take(principal.id)) {
      this.#logger.warn({ principal: principal.id, code: first.code }, 'too many refused attempts: not on the log');
      return;
    }
    try {
      await recordRefusal(this.#deps, principal, refusals);
    } catch (error) {
      this.#logger.error({ err: error, principal: principal.id }, 'a refused attempt could not be put on the log');
    }
  }

  #take(id: string): boolean {
    const now = performance.now();
    const bucket = this.#buckets.get(id) ?? { left: BURST, at: now };
    bucket.left = Math.min(BURST, bucket.left + ((now - bucket.at) / 1_000) * PER_SECOND);
    bucket.at = now;
    this.#buckets.delete(id);
    if (this.#buckets.size >= MOST_PRINCIPALS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    this.#buckets.set(id, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
