/**
 * All that this program writes for people and for what reads it. Words of others are in it (a server's refusals, programs'
 * output, what stands in databases and files), so what nobody could see is made visible: no escape reaches a terminal.
 */
import { visible, visibleJson } from '@headgate/contract';

/** Words, on standard output. */
export function print(text: string): void {
  process.stdout.write(visible(text));
}

/** One line of JSON, on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visibleJson(value)}\n`);
}

/** Words, on standard error: what is wrong, and what is at work. */
export function warn(text: string): void {
  process.stderr.write(visible(text));
}
