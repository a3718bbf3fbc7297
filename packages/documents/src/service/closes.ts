import { OPERATION_LIMITS } from '@headgate/domain';
import { didYouMean } from '@headgate/domain/model/nearest';

/** What a migration's file says of itself: `-- headgate:closes post-invoice`, in a document behind `#`. */
const CLOSES = /^[ \t]*(?:--|#)[ \t]*headgate:closes\b[ \t:]*(.*)$/gim;

/**
 * The operations that may not run while a migration does, as its file says; in their order, each once. Throws, in words, where one
 * isn't an operation of the service: what it meant isn't guessed.
 */
export function closesOf(file: string, bytes: Uint8Array, operations: readonly string[]): readonly string[] {
  const named = closesSaid(bytes);
  if (named.some((names) => names.length === 0))
    throw new Error(
      `${file} says headgate:closes and no operation; name one: \`-- headgate:closes ${operations[0] ?? 'NAME'}\``,
    );
  const closes = [...new Set(named.flat())];
  const unknown = closes.find((name) => !operations.includes(name));
  if (unknown !== undefined)
    throw new Error(
      `${file} closes the operation ${JSON.stringify(unknown.slice(0, 80))}${didYouMean(unknown.slice(0, 80), operations)}; the service declares ${operations.length === 0 ? 'none' : operations.join(', ')} below operations`,
    );
  return closes.slice(0, OPERATION_LIMITS.operations);
}

/** What a file says that it closes, each time that it does. */
export function closesSaid(bytes: Uint8Array): readonly (readonly string[])[] {
  // This decoder leaves out the mark that some editors put before the first line, as whoever runs the file does.
  const said = [...new TextDecoder().decode(bytes).matchAll(CLOSES)];
  return said.map(([, text = '']) => text.split(/[\s,]+/).filter((name) => name !== ''));
}
