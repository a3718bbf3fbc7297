/** Durations as people say them. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** `1 h 30 min`, exact to the millisecond: for what somebody asked for. */
export function durationText(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.length > 0 ? parts.join(' ') : '0 s';
}

/** How long something has lasted, in whole seconds that are over: never more than it was. */
export function lastedText(ms: number): string {
  return durationText(Math.floor(ms / 1_000) * 1_000);
}

/** How old something is, in seconds begun: never less than it is. */
export function ageText(ms: number): string {
  return durationText(Math.ceil(ms / 1_000) * 1_000);
}

/** `12 ms`, `3.4 s`, `4 min 10 s`: what something took, as exactly as anybody wants to know. */
export function tookText(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
