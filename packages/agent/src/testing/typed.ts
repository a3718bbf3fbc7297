import { expect, vi } from 'vitest';

/** What a command came to: its exit code, and what it wrote. */
export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command as its program calls it. No secret key of age's, and nothing of what `secret` says, may stand in what it writes. */
export async function typed(
  command: (args: readonly string[]) => Promise<number>,
  args: readonly string[],
  secret?: RegExp,
): Promise<Typed> {
  const told = { out: '', err: '' };
  const keep = (to: 'out' | 'err') => (text: unknown) => {
    told[to] += String(text);
    return true;
  };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation(keep('out'));
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(keep('err'));
  try {
    const code = await command(args);
    expect(`${told.out}${told.err}`).not.toMatch(/AGE-SECRET-KEY-1[0-9A-Z]{8}/);
    if (secret !== undefined) expect(`${told.out}${told.err}`).not.toMatch(secret);
    return { code, ...told };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
