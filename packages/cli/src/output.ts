import { visible, visibleJson } from '@headgate/contract';
import type { Output } from './command.ts';

/** Writes to the given streams; with `json` only JSON goes to standard output. */
export function output(json: boolean, stdout: NodeJS.WritableStream): Output {
  const write = (text: string): void => void stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  // Whoever wrote it: no text moves the cursor, turns the direction of reading or hides a part of itself.
  const asJson = (value: unknown): void => write(visibleJson(value));
  const words = (text: string): void => write(visible(text));
  return {
    json,
    line: (text) => {
      if (!json) words(text);
    },
    event: (value, text) => (json ? asJson(value) : words(text)),
    answer: (value, text) => (json ? asJson(value) : words(text)),
  };
}

/** A table with aligned columns; control characters of what the server said don't reach the terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '(none)';
  const all = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line, in which everything can be seen. */
export function printable(text: string): string {
  return visible(text.replace(/[\n\r\t]+/g, ' '));
}

/** What was taken all the same, as one line. */
export function warningLine(text: string): string {
  return printable(`warning: ${text}`);
}

/**
 * The same of a text that has lines of its own, such as SQL to be typed: each stays one. Those after the first stand in from
 * the margin, so that none of them can be taken for a line of ours.
 */
export function printableLines(text: string, indent = '    '): string {
  const [first = '', ...rest] = text.split(/\r?\n/);
  // A line's own indentation stays; what else can't be seen doesn't.
  const lines = rest.map((line) => `${indent}${/^ */.exec(line)?.[0] ?? ''}${printable(line.trimStart())}`);
  return [printable(first), ...lines].join('\n');
}

export function instant(at: number | null | undefined): string {
  return at === null || at === undefined ? '-' : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A text for people with its digests cut to their first 12 hexadecimal digits, which is as much as anybody compares. */
export function withShortDigests(text: string): string {
  return text.replace(/\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');
}

export function shortDigest(digest: string): string {
  return digest.slice(7, 19);
}
