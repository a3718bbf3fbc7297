/**
 * What a tenant of Odoo has of then beside the rows of its database: its files, which come back with them, and the tables that Odoo
 * writes to by itself, whose rows go back without being counted.
 */
import type { Digest } from '../model/identity.ts';
import { bytesText } from '../standby/standby.ts';

export interface ProposedTenant {
  /** PostgreSQL's own number of the database that serves: another one stands there once it was replaced. */
  readonly database: string;
  /** Names of all objects of then: what is brought into its place has the same. */
  readonly objects: Digest;
  /** Files that rows name then, each once; they are there, and are what their names say. Bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Names of those that nobody has: a person said that it comes back without them. */
  readonly lacking: readonly string[];
  /** Tables that Odoo writes to while nobody works. */
  readonly byItself: readonly string[];
}

/** So many names of files are spelled out; all of them stand in the proposal's file. */
const MOST_TOLD = 20;

/** As people read it. */
export function tenantLines({ files, bytes, lacking, byItself }: ProposedTenant): readonly string[] {
  const more = lacking.length - MOST_TOLD;
  return [
    `files                     ${files.toLocaleString('en-US')}, ${bytesText(bytes)}: they come back with it, each compared with its name (SHA-1) and size`,
    ...lacking
      .slice(0, MOST_TOLD)
      .map((name) => `LACKING                   ${name}: nobody has it, so it comes back without`),
    ...(more > 0 ? [`LACKING                   and ${more.toLocaleString('en-US')} more (see the file)`] : []),
    ...(byItself.length === 0
      ? []
      : [
          `not counted               ${byItself.join(', ')}: Odoo writes there by itself, so what is in them goes back as it was then, and nothing that is written there until then turns this void`,
        ]),
  ];
}
