import type { Commit } from '@headgate/control';
import type { Spot } from './points.ts';

/** The spots of one commit: one for each entry of a promotion or a rollout that it puts on the log. */
export function spotsOfCommit(commit: Pick<Commit, 'writes'>): readonly Spot[] {
  return commit.writes.flatMap(({ stream, entries }) => {
    const lane = laneOf(stream);
    if (lane === undefined) return [];
    return entries.map(
      ({ type, data }): Spot => ({ where: 'commit', lane, step: stepOf(data as Record<string, unknown>), what: type }),
    );
  });
}

/** The cell of a rollout's stream, `promotion` for a promotion's, undefined for everything else. */
export function laneOf(stream: string): string | undefined {
  if (stream.startsWith('promotion/')) return 'promotion';
  return stream.startsWith('rollout/') ? stream.slice(stream.lastIndexOf('.') + 1) : undefined;
}

function stepOf(data: Readonly<Record<string, unknown>>): string | null {
  if (typeof data.step === 'string') return data.step;
  return typeof data.wave === 'number' ? `wave ${data.wave}` : null;
}
