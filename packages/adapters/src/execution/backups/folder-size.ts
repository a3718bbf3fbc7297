import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Between two looks. Milliseconds. */
const LOOK_MS = 250;

/** What lies in a folder. Bytes; what goes away meanwhile counts for nothing. */
export async function folderSize(dir: string): Promise<number> {
  let size = 0;
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) size += await folderSize(path);
    else size += (await lstat(path).catch(() => undefined))?.size ?? 0;
  }
  return size;
}

/** Looks at a folder again and again; its signal says that more lies there than may. */
export function watchSize(
  dir: string,
  mostBytes: number,
): { readonly signal: AbortSignal; stop(): Promise<void>; over(): Promise<boolean> } {
  const tooLarge = new AbortController();
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const over = async (): Promise<boolean> => (await folderSize(dir)) > mostBytes;
  const look = (): void => {
    timer = setTimeout(() => {
      looking = over().then((so) => {
        if (so) tooLarge.abort();
        else if (timer !== undefined) look();
      });
    }, LOOK_MS);
  };
  look();
  return {
    signal: tooLarge.signal,
    over,
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await looking;
      clearTimeout(timer);
    },
  };
}
