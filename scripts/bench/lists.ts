/**
 * Every list and every search, asked of two shipped servers in turn: one with a large fleet, one with a tenth of it. Taking
 * turns lets whatever else the machine does meet both alike.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, ratio } from './arithmetic.ts';
import { type Figure, judged } from './figure.ts';
import { type Steadiness, steadied } from './steady.ts';

export interface FleetServer {
  readonly url: string;
  readonly token: string;
}

interface Question {
  readonly name: string;
  readonly path: string;
  /** Answers about everything there is, however much: no page of it. */
  readonly whole?: boolean;
}

const SLOWEST = { unit: 'ms p95', target: 200, better: 'lower' } as const;
const GROWTH = { unit: 'ratio of p95', target: 1.2, better: 'lower' } as const;
/** Questions that are asked before any counts. */
const WARM = 40;
/**
 * The growth is one p95 by the other, of all answers of all rounds. Of answers in a few milliseconds the p95 of one round, some 80
 * of them, is hardly more than its slowest (of one list whose plan reads as many blocks in both fleets: 0.66 to 1.64), and a
 * median of such ratios is still off by an eighth after 31 of them. So rounds are pooled, and go on until leaving one of them out
 * says that the ratio is known to a fortieth.
 */
export const ROUNDS: Steadiness = { least: 9, most: 31, within: 0.025 };
/** From one pair of questions to the next, at least: below the calls a second that a server grants to one principal. */
const PAIR_MS = 5;

const in64 = (stream: string) => Buffer.from(stream).toString('base64url');

/** Names that both fleets have, the last of them well behind the first page of the smaller. */
export const QUESTIONS: readonly Question[] = [
  { name: 'cells', path: '/v1/cells' },
  { name: 'cells-backwards', path: '/v1/cells?order=desc' },
  { name: 'cells-of-environment', path: '/v1/cells?environment=env-03&limit=10' },
  { name: 'cells-by-prefix', path: '/v1/cells?prefix=cell-0005&limit=9' },
  { name: 'pins', path: '/v1/pins' },
  { name: 'pins-of-environment', path: '/v1/pins?environment=env-03&limit=10' },
  { name: 'tenants', path: '/v1/documents?kind=Tenant' },
  { name: 'tenants-deep', path: `/v1/documents?kind=Tenant&cursor=${in64('document/Tenant/cell-00050')}` },
  { name: 'tenants-by-prefix', path: '/v1/documents?kind=Tenant&prefix=cell-00042/tenant-0000' },
  { name: 'documents', path: '/v1/documents' },
  { name: 'releases', path: '/v1/releases' },
  { name: 'releases-of-application', path: '/v1/releases?application=psa&order=desc' },
  { name: 'releases-of-no-application', path: '/v1/releases?application=nothing' },
  { name: 'releases-by-prefix', path: '/v1/releases?prefix=sha256:a&limit=20' },
  { name: 'promotions', path: '/v1/promotions' },
  { name: 'promotions-open', path: '/v1/promotions?open=true' },
  { name: 'promotions-oldest', path: '/v1/promotions?order=asc' },
  { name: 'promotions-in-phase', path: '/v1/promotions?phase=ended' },
  { name: 'promotions-of-application', path: '/v1/promotions?application=psa' },
  { name: 'promotions-of-environment', path: '/v1/promotions?environment=env-07' },
  { name: 'principals', path: '/v1/principals' },
  { name: 'freezes', path: '/v1/freezes' },
  { name: 'log-entries', path: '/v1/log/entries?from=5000&limit=100' },
  { name: 'log-head', path: '/v1/log/head' },
  { name: 'log-inclusion', path: '/v1/log/inclusion?place=5000&size=6000' },
  { name: 'log-audit', path: `/v1/log/audit?limit=50&cursor=${in64('document/Tenant/')}` },
  { name: 'metrics', path: '/metrics', whole: true },
  { name: 'status', path: '/v1/status', whole: true },
  // Nobody observes a seeded cell any more, so every one of them and all of its tenants are a matter.
  { name: 'incident', path: '/v1/incident', whole: true },
  { name: 'incident-tenants', path: '/v1/incident/tenants?prefix=tenant-0000', whole: true },
];

/** How often each question is asked in the fewest rounds: at least so often, and at least so long. */
export interface Asking {
  readonly samples: number;
  readonly forMs: number;
  /** {@link ROUNDS} unless said. */
  readonly rounds?: Steadiness;
}

/**
 * Two figures a question: how slow it is in the large fleet, and how much slower than in the small one. Answers take
 * milliseconds, so they are many, and turns are short: what else the machine does then is in both.
 */
export async function measureLists(
  large: FleetServer,
  small: FleetServer,
  asking: Asking,
  say: (line: string) => void = () => {},
  questions = QUESTIONS,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const { rounds = ROUNDS } = asking;
  for (const { name, path, whole } of questions) {
    for (let i = 0; i < WARM; i++) for (const server of [large, small]) await ask(server, path);
    const all: number[] = [];
    const round = async () => {
      const took = await askBoth(large, small, path, asking);
      all.push(...took.large);
      return took;
    };
    // What answers about everything has no growth to be measured.
    const until = whole === true ? { ...rounds, within: Number.POSITIVE_INFINITY } : rounds;
    const grew = await steadied(round, growthOf, until);
    figures.push(judged(`list-${name}`, SLOWEST, percentile(all, 0.95)));
    if (whole === true) continue;
    figures.push(judged(`list-${name}-growth`, GROWTH, grew.value));
    say(`${name}: ${grew.value.toFixed(3)} ± ${grew.error.toFixed(3)} after ${grew.rounds} rounds`);
  }
  return figures;
}

/** How much slower the large fleet's answers are than the small one's: of all rounds together, p95 by p95. */
export function growthOf(
  rounds: readonly { readonly large: readonly number[]; readonly small: readonly number[] }[],
): number {
  const [large, small] = [rounds.flatMap((round) => round.large), rounds.flatMap((round) => round.small)];
  return ratio(percentile(large, 0.95), percentile(small, 0.95));
}

async function askBoth(
  large: FleetServer,
  small: FleetServer,
  path: string,
  { samples, forMs, rounds = ROUNDS }: Asking,
) {
  const took = { large: [] as number[], small: [] as number[] };
  const from = performance.now();
  for (let i = 0; i < samples / rounds.least || performance.now() - from < forMs / rounds.least; i++) {
    await sleep(Math.max(0, from + i * PAIR_MS - performance.now()));
    for (const [which, server] of i % 2 === 0 ? ORDER(large, small) : ORDER(large, small).reverse())
      took[which].push(await ask(server, path));
  }
  return took;
}

const ORDER = (large: FleetServer, small: FleetServer): ['large' | 'small', FleetServer][] => [
  ['large', large],
  ['small', small],
];

/** Milliseconds until the last byte of the answer; NaN for an answer that is none. */
async function ask({ url, token }: FleetServer, path: string): Promise<number> {
  const from = performance.now();
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.ok ? performance.now() - from : Number.NaN;
}
