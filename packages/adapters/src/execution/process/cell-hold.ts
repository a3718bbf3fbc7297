import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
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
  const name = `\0headgate-cell-${createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 40)}`;
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
