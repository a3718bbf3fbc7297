import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/** Where other file systems are mounted at a folder or below it: what can't be removed, and isn't only this folder's. */
export async function mountPointsAt(folder: string): Promise<readonly string[]> {
  const real = await realpath(folder);
  return mountPoints(await readFile('/proc/self/mountinfo', 'utf8')).filter(
    (path) => path === real || path.startsWith(real.endsWith(sep) ? real : real + sep),
  );
}

/** The mount points that a `mountinfo` names; the kernel writes blanks and the like in them as octal numbers (proc(5)). */
export function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const field = line.split(' ')[4];
    return field === undefined
      ? []
      : [field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))];
  });
}
