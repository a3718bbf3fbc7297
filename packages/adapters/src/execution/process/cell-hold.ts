import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

/** That this process, and no other on this machine, acts on a cell. */
export interface CellHold {
  release(): Promise<void>;
}

/**
 * Takes hold of a cell's folder, or throws an error that names the process that has it. The hold is a name in the
 * kernel's abstract socket space: given up by the kernel the moment its holder dies (kill -9 too), so there is nothing
 * stale to judge and no race to take over.
 */
export async function holdCell(dir: string): Promise<CellHold> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const name = await nameOf(dir);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${process.pid}\n`);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: name, exclusive: true }, resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`The cell in ${dir} is held by another process (${await holder(name)}); stop that one first`);
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/**
 * Who holds a folder; undefined: nobody does, or it isn't there. Its pid only where it is proved: a holder in a container says
 * the one that it has in there, which out here is somebody else's.
 */
export async function holderOf(dir: string): Promise<{ readonly pid: number | undefined } | undefined> {
  const name = await nameOf(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (name === undefined || !(await isTaken(name))) return undefined;
  const told = /^pid (\d+)$/.exec(await holder(name))?.[1];
  const pid = told === undefined ? undefined : Number(told);
  return { pid: pid !== undefined && (await hasSocket(pid, name)) ? pid : undefined };
}

/** Whether a process has the listening socket of that name open (proc(5), /proc/net/unix; `@` stands for the leading NUL). */
async function hasSocket(pid: number, name: string): Promise<boolean> {
  const nothing = (): undefined => undefined;
  const table = (await readFile('/proc/net/unix', 'utf8').catch(nothing)) ?? '';
  const inodes = table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[7] === name.replace('\0', '@') ? [fields[6]] : [];
  });
  const open = (await readdir(`/proc/${pid}/fd`).catch(nothing)) ?? [];
  const links = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(nothing)));
  return links.some((link) => inodes.some((inode) => link === `socket:[${inode}]`));
}

async function nameOf(dir: string): Promise<string> {
  const digest = createHash('sha256').update(await realpath(dir));
  return `\0headgate-cell-${digest.digest('hex').slice(0, 40)}`;
}

function isTaken(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: name });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function holder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ path: name });
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(/^\d+\n$/.test(text) ? `pid ${text.trim()}` : 'pid unknown'));
  });
}
