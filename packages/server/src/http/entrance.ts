/**
 * Who comes in, before anything is read or looked up for them. Whoever brings a valid token is counted by principal alone, so
 * that strangers behind the same balancer can't shut an agent out; whoever doesn't is counted by address.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NoTurn, Turns } from '@headgate/adapters/control/turns';
import { type Route, routes } from '@headgate/contract';
import type { Deps, Recognised, Result } from '@headgate/control';
import type { Principal, Refusal } from '@headgate/domain';
import type { FastifyRequest } from 'fastify';
import { NO_TOKEN, NOBODYS_TOKEN, notAdmitted, ownerOf, tokenOf } from './auth.ts';
import { clientAddress, networkOf, trustedProxies } from './client-address.ts';
import type { ConnectionBounds } from './connections.ts';
import { type Flight, InFlight } from './in-flight.ts';
import { KnownTokens } from './known-tokens.ts';
import { type Allowances, RateLimits } from './rate-limits.ts';

export interface EntranceOptions {
  /** Addresses and networks of the balancers before this server. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: RateLimits;
  readonly inFlight?: InFlight;
  readonly connections?: ConnectionBounds;
  /** Called for each call that was too many. */
  readonly onLimited?: (kind: string) => void;
}

export type Admission =
  /** `end` is called once the answer is out, or the caller gone. */
  | (Recognised & { readonly end: () => void })
  /** `principal`: who it was, when that is known. */
  | { readonly principal?: Principal; readonly refusal: Refusal; readonly retryAfterS?: number };

/**
 * Tokens that were never seen here, from an address that has guessed too often: one of them may be an agent's that comes for
 * the first time. They are looked up one after the other, in turns by whose they say they are, and not many a second.
 */
const DOUBTFUL = { most: 1, mostWaiting: 256, mostOfName: 4, patienceMs: 5_000 };
const DOUBTFUL_PAUSE_MS = 10;

export class Entrance {
  readonly #inFlight: InFlight;
  readonly #deps: Pick<Deps, 'store' | 'epoch'>;
  readonly #limits: RateLimits;
  readonly #trusted: ReturnType<typeof trustedProxies>;
  readonly #onLimited: (kind: string) => void;
  readonly #known = new KnownTokens();
  readonly #doubtful = new Turns(DOUBTFUL);

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
    const address = this.#addressOf(request);
    const limited = owner === undefined ? undefined : this.#count('principal', owner);
    if (limited !== undefined) return limited;
    const doubted = owner === undefined ? this.#limits.exhausted('stranger', address) : undefined;
    const recognised = doubted === undefined ? await ownerOf(this.#deps, token) : await this.#lookUpInTurn(token);
    if (recognised === undefined) {
      this.#known.forget(token);
      return this.#count('stranger', address) ?? { refusal: NOBODYS_TOKEN };
    }
    const { principal } = recognised;
    this.#known.remember(token, principal.id);
    const tooMany = owner === undefined ? this.#count('principal', principal.id) : undefined;
    if (tooMany !== undefined) return { ...tooMany, principal };
    const begun = this.#inFlight.begin(flightOf(route), principal);
    if ('refusal' in begun) {
      this.#onLimited('in-flight');
      return { ...begun, principal, retryAfterS: 1 };
    }
    const refused = notAdmitted(principal, route, route.path);
    if (refused === undefined) return { ...recognised, end: begun.end };
    begun.end();
    return { principal, refusal: refused };
  }

  /**
   * Looks again whose the token is, behind the body and whatever else was waited for: a token that ended meanwhile does
   * nothing more.
   */
  async again(request: FastifyRequest, route: Route): Promise<Result<Recognised>> {
    const token = tokenOf(request);
    const recognised = await ownerOf(this.#deps, token);
    if (recognised === undefined && token !== undefined) this.#known.forget(token);
    if (recognised === undefined) return { ok: false, refusals: [NOBODYS_TOKEN] };
    const refused = notAdmitted(recognised.principal, route, route.path);
    return refused === undefined ? { ok: true, value: recognised } : { ok: false, refusals: [refused] };
  }

  /** Undefined also when no turn came. */
  async #lookUpInTurn(token: string): Promise<Recognised | undefined> {
    const name = token.split('.', 1)[0] as string;
    try {
      return await this.#doubtful.take(name, async () => {
        const recognised = await ownerOf(this.#deps, token);
        await sleep(DOUBTFUL_PAUSE_MS);
        return recognised;
      });
    } catch (error) {
      if (error instanceof NoTurn) return undefined;
      throw error;
    }
  }

  #count(kind: keyof Allowances, who: string) {
    const tooMany = this.#limits.refuse(kind, who);
    if (tooMany !== undefined) this.#onLimited(kind);
    return tooMany;
  }

  #addressOf(request: FastifyRequest): string {
    return networkOf(clientAddress(request.ip, request.headers['x-forwarded-for'], this.#trusted));
  }
}

/** What a call counts as while it is under way: an answer of a megabyte may stand unread. */
function flightOf(route: Route): Flight {
  const { body, response } = route;
  if (route === routes.logEntries) return 'page';
  if (response === 'events') return 'stream';
  if (response === 'octets') return 'download';
  return body === 'octets' ? 'upload' : 'request';
}
