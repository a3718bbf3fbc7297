import { z } from 'zod';

/** Longest argument; the kernel's own limit is 128 KiB. Characters. */
const LONGEST = 4_096;
/** Most that all arguments of a call hold. Characters. */
export const ALL_ARGUMENTS = 65_536;

/**
 * One word of an argument vector, which reaches the program exactly as it is written: nothing in it is expanded, split or
 * quoted. A number in YAML isn't the text that it was written as (0042 is 42), so it must be quoted.
 */
export const argument = z
  .string('text: put it into quotes')
  .min(1, 'an argument that isn’t empty')
  .max(LONGEST, `an argument of at most ${LONGEST} characters`)
  .refine((text) => !hasControl(text), 'an argument without control characters')
  .refine((text) => text.isWellFormed(), 'UTF-8 text');

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\x7f');
}
