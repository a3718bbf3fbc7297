/** Who makes or applies a difference is somebody whom the agent's trust lists: an approval counts only of somebody else. */
import type { Trust } from '@headgate/documents';
import { named } from '@headgate/domain/plan/render-words';

/** Throws where the trust file knows nobody of that id. `as`: what the id is of. */
export function expectListed({ signers }: Pick<Trust, 'signers'>, id: string, as: string): void {
  const known = [...new Set(signers.flatMap(({ principal }) => principal ?? []))].toSorted();
  if (known.includes(id)) return;
  const there = known.length === 0 ? 'it lists nobody' : `it lists ${named(known)}`;
  throw new Error(
    `${as}: the agent’s trust file knows nobody of the id ${id}; ${there}. Give your own, as it stands there as the principal of a key (may: [approval]), or have yours listed`,
  );
}
