import { open, stat } from 'node:fs/promises';

/**
 * Keeps a log file that another process appends to within bounds: past `maxBytes` the older half is dropped in place.
 * The writer holds the file open with O_APPEND, so its next line lands behind what was kept. Bytes written between our
 * read and our cut are lost; a log may lose a line, the disk may not fill.
 */
export async function boundLog(path: string, maxBytes: number): Promise<void> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (size <= maxBytes) return;
  const file = await open(path, 'r+');
  try {
    const kept = Buffer.alloc(Math.floor(maxBytes / 2));
    const { bytesRead } = await file.read(kept, 0, kept.length, size - kept.length);
    await file.truncate(0);
    await file.write(kept.subarray(0, bytesRead), 0, bytesRead, 0);
  } finally {
    await file.close();
  }
}

/** The last lines of a log, for a message that says why something didn't start. */
export async function logTail(path: string, maxBytes = 1500): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, maxBytes));
    await file.read(tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8').trim();
  } finally {
    await file.close();
  }
}
