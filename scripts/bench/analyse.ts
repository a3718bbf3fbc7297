import {
  analyse,
  type Catalogue,
  loadParser,
  type MigrationFile,
  type Relation,
  type Report,
} from '@headgate/migrations';
import { median } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';

const FILES = 1_000;
const TABLES = 200;
const TURNS = 5;

/** How long 1,000 migration files take that are analysed one after the other on a schema of 200 tables. */
export async function analyseFigure(): Promise<readonly Figure[]> {
  await loadParser();
  const files = filesOf(FILES);
  measureAnalyse(files.slice(0, 50));
  return [figure('migrations-analysed', median(Array.from({ length: TURNS }, () => measureAnalyse(files))))];
}

/** Seconds; NaN when the analysis doesn't find what the files hold. */
export function measureAnalyse(files: readonly MigrationFile[], run: typeof analyse = analyse): number {
  const catalogue = catalogueOf(TABLES);
  const from = performance.now();
  const report = run(files, { catalogue, lockTimeout: true });
  const seconds = (performance.now() - from) / 1_000;
  return isRight(report, files.length) ? seconds : Number.NaN;
}

/** Each file holds one rewrite, one index that is built under a lock, and nothing that can't be known. */
function isRight({ findings }: Report, files: number): boolean {
  const count = (rule: string): number => findings.filter((each) => each.rule === rule).length;
  return count('rewrite-under-lock') === files && count('index-build-under-lock') === files && count('not-known') === 0;
}

/** As people write them: a table, columns, an index, a constraint, a function with a trigger, data. */
export function filesOf(count: number): readonly MigrationFile[] {
  return Array.from({ length: count }, (_, i) => {
    const table = `t${i % TABLES}`;
    const text = `-- change ${i}
set lock_timeout = '2s';
create table made_${i} (id bigint generated always as identity primary key, name varchar(80) not null, amount numeric(12, 2) not null default 0,
  created timestamptz not null default now(), owner bigint references t${(i + 7) % TABLES}(id));
create index made_${i}_name on made_${i}(name);
create function touch_${i}() returns trigger language plpgsql as $$ begin new.created := now(); return new; end $$;
create trigger touch before update on made_${i} for each row execute function touch_${i}();
create index ${table}_${i} on ${table}(note);
alter table ${table} add column c${i} text not null default 'x';
insert into made_${i} (name) select 'n' || g from generate_series(1, 3) g;
grant select on made_${i} to app;
alter table ${table} add column r${i} uuid default gen_random_uuid();
comment on column ${table}.c${i} is 'what it is for';
`;
    return { name: `${String(i).padStart(4, '0')}.sql`, text };
  });
}

function catalogueOf(count: number): Catalogue {
  const relations = Array.from(
    { length: count },
    (_, i): Relation => ({
      ...{
        schema: 'public',
        name: `t${i}`,
        kind: 'table',
        rows: 50e6,
        bytes: 8e9,
        indexBytes: 2e9,
        triggers: [],
        parents: [],
      },
      columns: ['id', 'note', 'a', 'b', 'c', 'd', 'e'].map((name) => ({ name, type: 'text', nullable: name !== 'id' })),
      constraints: [{ name: `t${i}_pkey`, kind: 'primary', columns: ['id'], validated: true }],
      indexes: [{ name: `t${i}_pkey`, columns: ['id'], reads: ['id'], unique: true, computed: false, valid: true }],
    }),
  );
  return { server: 15, timeZone: 'UTC', searchPath: ['public'], relations, types: [], routines: [], binaryCasts: [] };
}
