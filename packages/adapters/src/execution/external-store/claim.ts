import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { holderOf } from '../process/cell-hold.ts';
import { lookAtSchema } from '../store/store-schema.ts';
import { controlConnection, type Store } from '../store/store-session.ts';
import { THIS_DATABASE } from '../store/this-database.ts';

/** Whose cell Headgate's tables in a database of somebody else's belong to. */
export interface Claim {
  /** Random, kept in the cell's folder, too: a folder that was made anew is another installation's. */
  readonly id: string;
  readonly cell: string;
  /** The cell's folder, on the machine of that name. */
  readonly folder: string;
  readonly machine: string;
}

/** A claim as it stands in a database. */
export interface StandingClaim extends Claim {
  readonly since: Date;
  /** False: it was made in another database, and came along as that was copied. One of before this was written down: true. */
  readonly here: boolean;
}

/** How things stand in a database, as far as Headgate's own tables there say. */
export interface Standing {
  /** Nothing of ours; made by us; or a schema of that name which somebody else made. */
  readonly schema: 'none' | 'ours' | 'foreign';
  /** Undefined: nobody's, or of a Headgate from before there were claims. */
  readonly claim: StandingClaim | undefined;
  /** Whether a control plane has decided anything there. */
  readonly decided: boolean;
}

/** Where a cell's folder keeps the number of its claims. */
const FILE = 'claim-id';

/** The number under which a cell's folder claims databases; undefined: it never did. */
export async function claimIdIn(cellDir: string): Promise<string | undefined> {
  return (await readIfThere(join(cellDir, FILE)))?.trim();
}

/** What this cell claims databases as. Made when it is first asked for; the folder has to be there. */
export async function ownClaim({ cell, dir }: { readonly cell: string; readonly dir: string }): Promise<Claim> {
  let id = await claimIdIn(dir);
  if (id === undefined) {
    id = randomBytes(6).toString('hex');
    await writeDurably(join(dir, FILE), `${id}\n`, 0o600);
  }
  return { id, cell, folder: dir, machine: hostname() };
}

/** A cell's own folder, as far as claims go. */
export interface ClaimingFolder {
  readonly dir: string;
  /** What it claims by; undefined: it never did. */
  readonly id: string | undefined;
  /** Whether decisions of a control plane have reached it. */
  readonly known: boolean;
}

/**
 * Whether a claim was made by this very folder on this machine. The number alone doesn't say so: it goes along when a folder
 * is copied, and with it a backup that is unpacked elsewhere, or a machine's clone.
 */
export async function isOwnClaim(claim: Claim, { dir, id }: Pick<ClaimingFolder, 'dir' | 'id'>): Promise<boolean> {
  return claim.id === id && claim.machine === hostname() && (await isSameFolder(claim.folder, dir));
}

/** Whether a database is this folder's, another installation's, a copy of another's (which is nobody's), or nobody's. */
export async function whoseStore(
  { schema, claim, decided }: Standing,
  cell: ClaimingFolder,
): Promise<'own' | 'other' | 'copy' | 'nobody'> {
  if (schema !== 'ours') return 'nobody';
  if (claim !== undefined) return (await isOwnClaim(claim, cell)) ? 'own' : claim.here ? 'other' : 'copy';
  // Of before there were claims.
  return !decided ? 'nobody' : cell.known ? 'own' : 'other';
}

/**
 * Whether somebody works on this machine in the folder that made a claim, `dir` being the one that the caller holds. A
 * machine may have got another name since: a folder with that very number counts, too.
 */
export async function isAtWork(claim: Claim, dir: string): Promise<boolean> {
  if (await isSameFolder(claim.folder, dir)) return false;
  const here = claim.machine === hostname() || (await claimIdIn(claim.folder)) === claim.id;
  return here && (await holderOf(claim.folder)) !== undefined;
}

async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((each) => realpath(each).catch(() => each)));
  return a === b;
}

/** Looks, and changes nothing. */
export async function standingOf(store: Pick<Store, 'cluster' | 'database'>): Promise<Standing> {
  return withClient(await controlConnection(store), standingIn);
}

/** The same in a session of ours. */
export async function standingIn(client: pg.ClientBase): Promise<Standing> {
  const schema = await lookAtSchema(client);
  if (schema === undefined) return { schema: 'none', claim: undefined, decided: false };
  if (schema.foreign !== undefined) return { schema: 'foreign', claim: undefined, decided: false };
  const { rows } = await client.query<{ fence: boolean; claim: boolean }>(
    `select to_regclass('headgate.fence') is not null as fence, to_regclass('headgate.claim') is not null as claim`,
  );
  const there = rows[0]!;
  const claims = there.claim
    ? await client.query<Omit<StandingClaim, 'since'> & { since: string }>(
        // An older table has no such column.
        // The moment in milliseconds: as text it would depend on what the database's owner set.
        `select id, cell, folder, machine, (extract(epoch from since) * 1000)::int8::text as since, coalesce(to_jsonb(held) ->> 'place' = ${THIS_DATABASE}, true) as here
         from headgate.claim held`,
      )
    : { rows: [] };
  const fences = there.fence
    ? await client.query<{ decided: boolean }>(
        'select exists (select from headgate.fence where (epoch, n) > (0, 0)) as decided',
      )
    : { rows: [] };
  const [claim] = claims.rows.map((row): StandingClaim => ({ ...row, since: new Date(Number(row.since)) }));
  return { schema: 'ours', claim, decided: fences.rows[0]?.decided ?? false };
}

/**
 * Claims a prepared store for a cell, if it is nobody's: also where the claim came along with a copy. A claim of its own from
 * before claims were bound to a database is bound to this one. Answers who has it now.
 */
export async function claimStore(store: Pick<Store, 'cluster' | 'database'>, own: Claim): Promise<Claim> {
  const { id, cell, folder, machine } = own;
  return withClient(await controlConnection(store), async (client) => {
    await client.query(
      `insert into headgate.claim as held(id, cell, folder, machine, place) values ($1, $2, $3, $4, ${THIS_DATABASE})
       on conflict (one) do update set id = excluded.id, cell = excluded.cell, folder = excluded.folder, machine = excluded.machine,
         place = excluded.place, since = case when held.place is null then held.since else excluded.since end
       where held.place <> excluded.place or (held.place is null
         and (held.id, held.folder, held.machine) = (excluded.id, excluded.folder, excluded.machine))`,
      [id, cell, folder, machine],
    );
    return (await standingIn(client)).claim ?? own;
  });
}

/** A store is another installation's. What would unblock it names commands, so whoever takes them says it. */
export class StoreTaken extends Error {
  override readonly name = 'StoreTaken';
  readonly store: string;
  readonly claim: (Claim & Partial<StandingClaim>) | undefined;

  constructor(store: Pick<Store, 'name' | 'database'>, claim: (Claim & Partial<StandingClaim>) | undefined) {
    const who = claim?.here === false ? copiedText(claim) : `is under control of ${claimText(claim)}`;
    super(`the database ${store.database} (store ${store.name}) ${who}`);
    this.store = store.name;
    this.claim = claim;
  }
}

/** What a copy brought along, for people. */
export function copiedText({ cell, folder, machine }: Claim): string {
  return `is a copy: what is in it of Headgate came along from the database of cell ${cell} in ${folder} on ${machine}`;
}

/** Which installation it is, for people. */
export function claimText(claim: (Claim & Partial<StandingClaim>) | undefined): string {
  if (claim === undefined) return 'another installation of Headgate, of a version that didn’t write down which';
  const since =
    claim.since === undefined ? '' : `, since ${claim.since.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `another installation of Headgate: cell ${claim.cell} in ${claim.folder} on ${claim.machine}${since}`;
}
