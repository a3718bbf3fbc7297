/**
 * Who comes in, before anything is read or looked up for them. Whoever brings a valid token is counted by principal alone, so
 * that strangers behind the same balancer can't shut an agent out; whoever doesn't is counted by address.
 */
import type { Route } from '@headgate/contract';
import type { Deps } from '@headgate/control';
import type { Principal, Refusal } from '@headgate/domain';
import type { FastifyRequest } from 'fastify';
import { NO_TOKEN, notAdmitted, principalOf, tokenOf } from './auth.ts';
import { clientAddress, trustedProxies } from './client-address.ts';
import { type Flight, InFlight } from './in-flight.ts';
import { KnownTokens } from './known-tokens.ts';
import { type Allowances, RateLimits } from './rate-limits.ts';

export interface EntranceOptions {
  /** Addresses and networks of the balancers before this server. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: RateLimits;
  readonly inFlight?: InFlight;
  /** Called for each call that was too many. */
  readonly onLimited?: (kind: string) => void;
}

export type Admission =
  /** `end` is called once the answer is out, or the caller gone. */
  | { readonly principal: Principal; readonly end: () => void }
  /** `principal`: who it was, when that is known. */
  | { readonly principal?: Principal; readonly refusal: Refusal; readonly retryAfterS?: number };

export class Entrance {
  readonly #inFlight: InFlight;
  readonly #deps: Pick<Deps, 'store' | 'epoch'>;
  readonly #limits: RateLimits;
  readonly #trusted: ReturnType<typeof trustedProxies>;
  readonly #onLimited: (kind: string) => void;
  readonly #known = new KnownTokens();

  constructor(deps: Pick<Deps, 'store' | 'epoch'>, options: EntranceOptions = {}) {
    this.#deps = deps;
    this.#inFlight = options.inFlight ?? new InFlight();
    this.#limits = options.limits ?? new RateLimits();
    this.#trusted = trustedProxies(options.trustedProxies ?? []);
    this.#onLimited = options.onLimited ?? (() => {});
  }

  /** Counts a call that needs no token; the refusal when there were too many of its address. */
  open(request: FastifyRequest): Extract<Admission, { refusal: Refusal }> | undefined {
    return this.#count('address', this.#addressOf(request));
  }

  /** Lets a call in on its token, or says why not. */
  async admit(request: FastifyRequest, route: Route): Promise<Admission> {
    const token = tokenOf(request);
    if (token === undefined) return this.open(request) ?? { refusal: NO_TOKEN };
    const owner = this.#known.ownerOf(token);
    // An unknown token costs a look into the database, so strangers have only so many.
    const address = this.#addressOf(request);
    const limited = owner === undefined ? this.#limits.exhausted('stranger', address) : this.#count('principal', owner);
    if (limited !== undefined) {
      if (owner === undefined) this.#onLimited('stranger');
      return limited;
    }
    const principal = await principalOf(this.#deps, token);
    if (principal === undefined) {
      this.#known.forget(token);
      return this.#count('stranger', address) ?? { refusal: NO_TOKEN };
    }
    this.#known.remember(token, principal.id);
    const tooMany = owner === undefined ? this.#count('principal', principal.id) : undefined;
    if (tooMany !== undefined) return { ...tooMany, principal };
    const begun = this.#inFlight.begin(flightOf(route), principal);
    if ('refusal' in begun) {
      this.#onLimited('in-flight');
      return { ...begun, principal, retryAfterS: 1 };
    }
    const refused = notAdmitted(principal, route, route.path);
    if (refused === undefined) return { principal, end: begun.end };
    begun.end();
    return { principal, refusal: refused };
  }

  #count(kind: keyof Allowances, who: string) {
    const tooMany = this.#limits.refuse(kind, who);
    if (tooMany !== undefined) this.#onLimited(kind);
    return tooMany;
  }

  #addressOf(request: FastifyRequest): string {
    return clientAddress(request.ip, request.headers['x-forwarded-for'], this.#trusted);
  }
}

/** What a call counts as while it is under way. */
function flightOf({ body, response }: Route): Flight {
  if (response === 'events') return 'stream';
  if (response === 'octets') return 'download';
  return body === 'octets' ? 'upload' : 'request';
}
