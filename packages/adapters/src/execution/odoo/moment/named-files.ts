/** The files that a tenant's rows name. Odoo stores each under the SHA-1 of its content, so a row says what the file has to be. */
import { cut } from '@headgate/domain/model/text';
import type pg from 'pg';
import { plainText } from '../../store/plain-text.ts';
import { inTenant } from '../reader.ts';
import type { OdooStores } from '../store.ts';

const TABLE = { name: 'ir_attachment', columns: ['store_fname', 'checksum'] } as const;
/** So many names are fetched at a time. */
const BATCH = 2_000;
/** A name of Odoo's has 43 characters, a checksum 40. */
const MOST_CHARACTERS = 200;
/** Millions of files take their time. */
const BOUNDS = { deadlineMs: 900_000, mostBytes: 4 * 1024 ** 3 };

/** A row's word about its file. */
export interface AttachmentRow {
  readonly name: string;
  readonly checksum: string | null;
  /** Bytes, as a number's text. */
  readonly size: string | null;
}

/** A file that has to be there, by its name: `4f/4f3a…`. */
export interface NamedFile {
  readonly name: string;
  /** Hexadecimal: of its content. */
  readonly sha1: string;
  /** Bytes; absent: its rows don't say. */
  readonly size?: number;
}

/** What can't be had, or isn't what it has to be, and why. */
export interface WrongFile {
  readonly name: string;
  readonly why: string;
}

/** What a row asks for. One that Odoo doesn't write so asks for nothing that could be found, and could lead out of the folder. */
export function fileOf({ name, checksum, size }: AttachmentRow): NamedFile | WrongFile {
  const [, folder, sha1] = /^([0-9a-f]{2})\/([0-9a-f]{40})$/.exec(name) ?? [];
  const plain = cut(plainText(name, MOST_CHARACTERS), 80);
  if (sha1 === undefined || !sha1.startsWith(folder!))
    return { name: plain, why: 'its row names no file of Odoo’s filestore' };
  if (checksum !== null && checksum !== sha1) return { name, why: 'its row has another checksum than the file’s name' };
  if (size === null) return { name, sha1 };
  return /^\d{1,15}$/.test(size)
    ? { name, sha1, size: Number(size) }
    : { name, why: 'its row has no number of bytes that a file can have' };
}

export interface NamedFiles {
  /** By name, each once. */
  readonly files: ReadonlyMap<string, NamedFile>;
  readonly wrong: readonly WrongFile[];
  /** How many rows name a file. */
  readonly rows: number;
}

/** Adds a row. Rows of one content name one file; two of them that differ in its size can't both be right. */
export class NamedFilesOf implements NamedFiles {
  readonly files = new Map<string, NamedFile>();
  readonly wrong: WrongFile[] = [];
  rows = 0;

  add(row: AttachmentRow): void {
    this.rows += 1;
    const file = fileOf(row);
    if ('why' in file) {
      this.wrong.push(file);
      return;
    }
    const before = this.files.get(file.name);
    if (before?.size !== undefined && file.size !== undefined && before.size !== file.size)
      this.wrong.push({ name: file.name, why: `its rows say ${before.size} and ${file.size} bytes` });
    else if (before?.size === undefined) this.files.set(file.name, file);
  }
}

/** All files that a database's rows name, as they stand there. Throws a `StoreFault` like `installedModules`. */
export async function namedFiles(stores: OdooStores, database: string): Promise<NamedFiles> {
  return inTenant(
    stores,
    database,
    TABLE,
    async (client: pg.ClientBase) => {
      await client.query(
        `declare names no scroll cursor for
         select distinct pg_catalog."left"(store_fname, ${MOST_CHARACTERS}) collate pg_catalog."C" as name,
           pg_catalog."left"(checksum, ${MOST_CHARACTERS}) collate pg_catalog."C" as checksum, file_size::pg_catalog.text as size
         from only public.${TABLE.name} where store_fname is not null`,
      );
      const named = new NamedFilesOf();
      for (;;) {
        const { rows } = await client.query<AttachmentRow>(`fetch ${BATCH} from names`);
        for (const row of rows) named.add(row);
        if (rows.length < BATCH) return named;
      }
    },
    BOUNDS,
  );
}
