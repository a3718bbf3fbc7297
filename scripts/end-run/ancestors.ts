import { readFileSync } from 'node:fs';

/** A process and all that it descends from. */
export function ancestors(pid: number): ReadonlySet<number> {
  const line = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !line.has(at); at = parentOf(at)) line.add(at);
  return line;
}

function parentOf(pid: number): number | undefined {
  try {
    const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined; // gone meanwhile
  }
}
