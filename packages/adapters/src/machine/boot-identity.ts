import { readFileSync } from 'node:fs';

let known: string | undefined;

/** The kernel's id of this boot: with it, a start time in ticks names one process for ever. */
export function bootId(): string {
  known ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return known;
}
