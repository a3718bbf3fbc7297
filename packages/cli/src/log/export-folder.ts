import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { ExportFile, ExportFiles } from '@headgate/documents';

/** A file on its way; its name belongs to no export. */
const UNFINISHED = '.unfinished';

/** An exported log in a folder. Only names that the format has are read or written, and no link is followed. */
export class ExportFolder implements ExportFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  *paths(folder = this.root): Generator<string> {
    for (const found of namesIn(folder)) {
      const path = join(folder, found.name);
      if (found.isDirectory()) yield* this.paths(path);
      else yield relative(this.root, path).split(sep).join('/');
    }
  }

  read(path: string, maxBytes: number): Uint8Array | undefined {
    const file = openFile(join(this.root, path));
    if (file === undefined) return undefined;
    try {
      // One more than it says, since it may grow while it is read.
      const bytes = Buffer.allocUnsafe(Math.min(fstatSync(file).size, maxBytes) + 1);
      let length = 0;
      for (;;) {
        const read = readSync(file, bytes, length, bytes.length - length, length);
        length += read;
        if (read === 0 || length === bytes.length) return bytes.subarray(0, length);
      }
    } finally {
      closeSync(file);
    }
  }

  /** Whole or not at all: a reader, or the next run, never meets half a file. */
  write({ path, bytes }: ExportFile): void {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    const unfinished = join(this.root, UNFINISHED);
    writeFileSync(unfinished, bytes);
    renameSync(unfinished, target);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { force: true });
  }
}

function namesIn(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}
