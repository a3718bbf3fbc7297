/** Two looks at both sides: what only one of them saw is business under way, which came or went meanwhile. */
import { type SideSum, sumsWithout } from '@headgate/domain';
import type { Comparison, Difference } from '../ports/ledger-sides.ts';
import { pause } from '../steps/step-executor.ts';

/** Between two looks. Milliseconds. */
const AGAIN_MS = 1_000;

export interface LookedTwice {
  readonly compared: number;
  /** What both looks saw. */
  readonly lasting: readonly Difference[];
  /** Of everything that each side has, but for what only the second look saw. */
  readonly sums: readonly SideSum[];
}

export async function lookTwice(look: () => Promise<Comparison>, signal: AbortSignal): Promise<LookedTwice> {
  const first = await look();
  // Nothing to wait for where nothing differs.
  if (first.differences.length === 0) return { compared: first.compared, lasting: [], sums: first.sums };
  await pause(AGAIN_MS, signal);
  const { compared, differences, sums } = await look();
  const seen = new Set(first.differences.map(nameOf));
  const lasting = differences.filter((each) => seen.has(nameOf(each)));
  const kept = new Set(lasting);
  const under = differences.filter((each) => !kept.has(each)).flatMap(({ amounts }) => amounts);
  return { compared, lasting, sums: sumsWithout(sums, under) };
}

function nameOf({ tenant, key }: Difference): string {
  return JSON.stringify([tenant, key]);
}
