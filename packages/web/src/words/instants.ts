/** An instant for a person, with its zone: `21 Nov 2026, 09:42:12 UTC`. `zone` and `locale` are the browser's unless said. */
export function instantText(at: number, zone?: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(at);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A span in its two largest units: `2 d 3 h`, `4 min 10 s`, `0 s`. Milliseconds. */
export function spanText(ms: number): string {
  let rest = Math.round(Math.abs(ms) / 1_000) * 1_000;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    // Seconds beside hours would only flicker.
    else if (parts.length > 0) break;
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** How far an instant is from now: `in 4 min`, `4 min ago`, `now`. */
export function awayText(at: number, now: number): string {
  const away = at - now;
  if (Math.abs(away) < 1_000) return 'now';
  return away > 0 ? `in ${spanText(away)}` : `${spanText(away)} ago`;
}
