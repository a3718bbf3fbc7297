import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const SEGMENT = /^[0-9A-F]{24}$/;
const HISTORY = /^[0-9A-F]{8}\.history$/;

/** Archived segments from one on (of every timeline), and the timelines' histories. */
export async function archivedFrom(
  archiveDir: string,
  first: string,
): Promise<{ segments: string[]; histories: string[] }> {
  const names = await readdir(archiveDir);
  return {
    segments: names.filter((name) => SEGMENT.test(name) && name.slice(8) >= first.slice(8)).sort(),
    histories: names.filter((name) => HISTORY.test(name)).sort(),
  };
}

/** Archived segments that lie before one: no kept restore point needs them. */
export async function archivedBefore(archiveDir: string, first: string): Promise<string[]> {
  return (await readdir(archiveDir)).filter((name) => /^[0-9A-F]{24}/.test(name) && name.slice(8, 24) < first.slice(8));
}

/** Waits until the archive holds these segments. False when it doesn't in time. */
export async function archived(archiveDir: string, segments: readonly string[], deadlineMs: number): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  for (const segment of segments) {
    while (!(await stat(join(archiveDir, segment)).catch(() => undefined))) {
      if (performance.now() >= until) return false;
      await new Promise((done) => setTimeout(done, 25));
    }
  }
  return true;
}
