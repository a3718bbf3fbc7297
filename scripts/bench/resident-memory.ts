import { readFile } from 'node:fs/promises';

/** `VmRSS` of a `/proc/PID/status`, in megabytes of 1,000,000 bytes; NaN when it isn't there. */
export function residentMegabytes(status: string): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? Number.NaN : (Number(kib) * 1_024) / 1_000_000;
}

/** Resident memory of a process now, in megabytes; NaN when it is gone. */
export async function residentMemoryOf(pid: number): Promise<number> {
  return residentMegabytes(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''));
}
