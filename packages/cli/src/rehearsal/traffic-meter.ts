/**
 * What requests to a few addresses came to, forward and back separately. Pure: the times are given, in milliseconds of one
 * monotonic clock.
 */
import type { RehearsedTraffic } from '@headgate/documents';

/**
 * So many good answers in a row end an outage, which then counts to the first of them: an address that fails every other time
 * is out for as long as it does so, and not for a moment many times.
 */
const STEADY = 10;

interface Count {
  requests: number;
  failed: number;
  slowestMs: number;
  outageMs: number;
}

interface Address {
  /** When it last answered well; at first, when the requests began. */
  lastGood: number;
  /** The last good answer before the failure since which it isn't steady. */
  since: number | undefined;
  /** Good answers in a row since the last failure. */
  goods: number;
  /** The same, of those since somebody began to wait for some. */
  fresh: number;
}

export class TrafficMeter {
  readonly #everyMs: number;
  readonly #addresses: ReadonlyMap<string, Address>;
  readonly #forward: Count = { requests: 0, failed: 0, slowestMs: 0, outageMs: 0 };
  readonly #back: Count = { requests: 0, failed: 0, slowestMs: 0, outageMs: 0 };
  #now = this.#forward;

  /** Requests to these addresses begin at `at`. */
  constructor(addresses: readonly string[], everyMs: number, at: number) {
    this.#everyMs = everyMs;
    this.#addresses = new Map(addresses.map((each) => [each, { lastGood: at, since: undefined, goods: 0, fresh: 0 }]));
  }

  /** A request ended at `at`, after so long. */
  ended(to: string, well: boolean, tookMs: number, at: number): void {
    const address = this.#addresses.get(to);
    if (address === undefined) return;
    this.#now.requests += 1;
    if (!well) {
      this.#now.failed += 1;
      address.since ??= address.lastGood;
      address.goods = 0;
      address.fresh = 0;
      return;
    }
    this.#now.slowestMs = Math.max(this.#now.slowestMs, tookMs);
    // From the first of those in a row on it may have been over; from the last one before on it may have begun.
    if (address.goods === 0) this.#out(at - (address.since ?? address.lastGood));
    else this.#out(at - address.lastGood);
    address.goods += 1;
    address.fresh += 1;
    address.lastGood = at;
    if (address.goods >= STEADY) address.since = undefined;
  }

  /** The way back begins. An outage that goes on counts both ways, as long as it is. */
  turn(at: number): void {
    this.close(at);
    this.#now = this.#back;
  }

  /** Nothing more is sent: who has not been answered well since is out until now. */
  close(at: number): void {
    for (const { lastGood, since, goods } of this.#addresses.values())
      this.#out(at - (goods === 0 ? (since ?? lastGood) : lastGood));
  }

  /** From now on good answers are counted anew, for {@link fresh}. */
  waitFor(): void {
    for (const address of this.#addresses.values()) address.fresh = 0;
  }

  /** Good answers in a row since somebody began to wait for some, of the address with the fewest. */
  get fresh(): number {
    return Math.min(...[...this.#addresses.values()].map(({ fresh }) => fresh));
  }

  told(addresses: readonly string[]): RehearsedTraffic {
    const rounded = ({ requests, failed, slowestMs, outageMs }: Count) => ({
      ...{ requests, failed },
      ...{ slowestMs: Math.ceil(slowestMs), outageMs: Math.ceil(outageMs) },
    });
    return { addresses, everyMs: this.#everyMs, forward: rounded(this.#forward), back: rounded(this.#back) };
  }

  #out(ms: number): void {
    this.#now.outageMs = Math.max(this.#now.outageMs, ms);
  }
}
