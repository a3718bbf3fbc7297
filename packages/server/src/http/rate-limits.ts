import type { Refusal } from '@headgate/domain';

/** So many calls at once, and so many a second from then on. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

export interface Allowances {
  /** Calls from one address that bring no token. */
  readonly address: Allowance;
  /** Calls from one address with a token that is nobody's. */
  readonly stranger: Allowance;
  /** Calls with a valid token, from wherever they come. */
  readonly principal: Allowance;
}

/** Far above what people, agents and pipelines need, and below what takes the server away from the others. */
export const ALLOWANCES: Allowances = {
  address: { burst: 6_000, perSecond: 1_000 },
  stranger: { burst: 300, perSecond: 20 },
  principal: { burst: 3_000, perSecond: 400 },
};

/** Buckets that are kept of each kind: who was away longest is forgotten first, and begins anew. */
const MOST = 10_000;

/** Too many calls, and after how many seconds to try again. */
export interface TooMany {
  readonly refusal: Refusal;
  readonly retryAfterS: number;
}

/** Counts calls in this process. With several servers everybody has as much at each of them. */
export class RateLimits {
  readonly #kinds: Readonly<Record<keyof Allowances, Buckets>>;

  constructor(allowances: Allowances = ALLOWANCES) {
    this.#kinds = {
      address: new Buckets(allowances.address),
      stranger: new Buckets(allowances.stranger),
      principal: new Buckets(allowances.principal),
    };
  }

  /** Counts a call; when there were too many, the refusal, and after how many seconds to try again. `now`: monotonic. */
  refuse(kind: keyof Allowances, who: string, now = performance.now()): TooMany | undefined {
    return this.#tooMany(kind, who, this.#kinds[kind].take(who, now));
  }

  /** What {@link refuse} would answer now, without counting. */
  exhausted(kind: keyof Allowances, who: string, now = performance.now()): TooMany | undefined {
    return this.#tooMany(kind, who, this.#kinds[kind].wait(who, now));
  }

  #tooMany(kind: keyof Allowances, who: string, waitMs: number): TooMany | undefined {
    if (waitMs === 0) return undefined;
    const retryAfterS = Math.ceil(waitMs / 1_000);
    const whose = {
      address: 'this address without a token',
      stranger: 'this address with a token that is nobody’s',
      principal: who,
    }[kind];
    const refusal: Refusal = {
      code: 'too-many-requests',
      what: 'answer',
      where: kind === 'principal' ? `principal/${who}` : 'address',
      why: `too many requests of ${whose}`,
      unblock: `wait ${retryAfterS} s`,
    };
    return { refusal, retryAfterS };
  }
}

/** Token buckets by name. */
class Buckets {
  readonly #allowance: Allowance;
  readonly #left = new Map<string, { left: number; at: number }>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** 0 when it was admitted, else after how many milliseconds it would be. */
  take(who: string, now: number): number {
    const left = this.#leftOf(who, now);
    const admitted = left >= 1;
    this.#left.delete(who);
    if (this.#left.size >= MOST) this.#left.delete(this.#left.keys().next().value as string);
    this.#left.set(who, { left: admitted ? left - 1 : left, at: now });
    return this.#waitOf(left);
  }

  /** What `take` would answer, which takes nothing. */
  wait(who: string, now: number): number {
    return this.#waitOf(this.#leftOf(who, now));
  }

  #leftOf(who: string, now: number): number {
    const { burst, perSecond } = this.#allowance;
    const bucket = this.#left.get(who) ?? { left: burst, at: now };
    return Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * perSecond);
  }

  #waitOf(left: number): number {
    return left >= 1 ? 0 : ((1 - left) / this.#allowance.perSecond) * 1_000;
  }
}
