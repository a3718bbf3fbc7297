import type { Census, DrilledPoint, DrilledWal } from '@headgate/domain';
import type { ContentFile } from '../vault/point-contents.ts';
import type { BroughtBack } from './brought-back.ts';

/** The log that is brought back with a restore point. */
export interface FetchedLog {
  readonly wal: DrilledWal;
  /** Whether what came back had come to the log's end. */
  came(copy: BroughtBack): Promise<boolean>;
}

/** A restore point that is drilled, wherever it lies. What can't go on throws, in our words where they hold nothing of customers'. */
export interface PointToDrill {
  readonly told: DrilledPoint;
  /** Folder in which the files beside the database are laid out. */
  readonly files: string;
  /** Makes sure that it is what was taken, and brings it to this machine where it isn't read from where it lies. */
  fetch(): Promise<void>;
  /** The store's log from there on; `undefined`: its own moment is all that is brought back. */
  fetchLog(): Promise<FetchedLog | undefined>;
  /** Its own moment; `latest`: as far as the log goes. */
  bringBack(latest: boolean): Promise<BroughtBack>;
  /** What was promised as it was taken. */
  promised(): Promise<{ readonly census?: Census | undefined; readonly files: readonly ContentFile[] }>;
}

/** Beside the content: what PostgreSQL writes as it starts, and what the disk rounds up to. Bytes. */
export const ROOM = 256 * 1024 * 1024;
