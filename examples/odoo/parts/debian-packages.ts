import { mkdir, stat, writeFile } from 'node:fs/promises';
import { askMirror, PATIENCE, pastLocks } from './apt.ts';
import { MissingPart } from './missing-part.ts';
import { lastLines, runProgram } from './run-program.ts';

/** PostgreSQL's server and tools of one major version, so that pg_dump fits the server. */
const POSTGRESQL = ['postgresql-15', 'postgresql-client-15'];

/** What Odoo imports, of Debian 12 (its own package names one that is younger: lxml still brings that part along here). */
const PYTHON =
  'lxml asn1crypto babel cbor2 chardet cryptography dateutil docutils geoip2 gevent greenlet idna jinja2 libsass markupsafe num2words ofxparse openpyxl openssl pil polib psutil psycopg2 pypdf tz qrcode reportlab requests rjsmin serial stdnum urllib3 usb vobject werkzeug xlrd xlsxwriter xlwt zeep freezegun magic passlib'
    .split(' ')
    .map((name) => `python3-${name}`);

/** What Odoo's pages are made of: its package links to these files in place of bringing them. */
const PAGES = [
  'libjs-jquery',
  'libjs-jquery-form',
  'libjs-underscore',
  'fonts-font-awesome',
  'fonts-inconsolata',
  'fonts-roboto-unhinted',
];

/** Unpacking and configuring, which nothing should cut short. Milliseconds. */
const INSTALL_MS = 900_000;

/** What has to be installed on Debian 12 for Odoo and its stores. */
export const DEBIAN_PACKAGES: readonly string[] = ['python3', ...PYTHON, ...PAGES, ...POSTGRESQL];

/** Installs what of the packages isn't there. Returns the names of those that were installed now. */
export async function installPackages(names: readonly string[] = DEBIAN_PACKAGES): Promise<readonly string[]> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return [];
  // What the update warned of is why the install fails, if it does: a source that isn't ours may always be away.
  let warned = '';
  try {
    await withoutMainCluster();
    warned = (await askMirror(['apt-get', 'update', '-qq'], { timeoutMs: PATIENCE.indexMs })).err;
    const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends'];
    // All that goes over the network first: cut short, it leaves nothing half installed.
    await askMirror([...install, '--download-only', ...missing], { timeoutMs: PATIENCE.downloadMs });
    const options = ['--no-download', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confdef'];
    const conffiles = ['-o', 'Dpkg::Options::=--force-confold'];
    await pastLocks(() => runProgram([...install, ...options, ...conffiles, ...missing], { timeoutMs: INSTALL_MS }));
  } catch (error) {
    throw new MissingPart(
      `What Odoo needs of Debian 12 (${missing.length} packages: ${missing[0]} …)`,
      [(error as Error).message, lastLines(warned)].filter(Boolean).join('\n'),
      `Install by hand: apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
  }
  const still = await missingPackages(names);
  if (still.length > 0) throw new MissingPart(still.join(', '), 'apt-get installed without it', 'Look at apt’s log');
  return missing;
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  // Ends with 1 when it doesn't know one of them, and still lists the others.
  const listed = await runProgram(['dpkg-query', '--show', '--showformat', '${Package} ${db:Status-Status}\\n', '*'], {
    timeoutMs: 60_000,
  });
  const there = new Set(listed.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !there.has(`${name} installed`));
}

/** Debian starts a server of its own with postgresql-15; nobody here needs it. Where somebody decided already, that stays. */
async function withoutMainCluster(folder = '/etc/postgresql-common'): Promise<void> {
  if (await stat(folder).catch(() => undefined)) return;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/createcluster.conf`, 'create_main_cluster = false\n');
}

/** Folder of PostgreSQL's programs, by the package that brought them. */
export async function postgresqlPrograms(): Promise<{ readonly bin: string; readonly version: string }> {
  const files = await runProgram(['dpkg-query', '--listfiles', 'postgresql-15'], { timeoutMs: 60_000 });
  const initdb = files.split('\n').find((path) => path.endsWith('/bin/initdb'));
  if (!initdb) throw new MissingPart('PostgreSQL 15', 'its package has no initdb', 'apt-get install postgresql-15');
  const bin = (await runProgram([initdb.replace(/initdb$/, 'pg_config'), '--bindir'], { timeoutMs: 10_000 })).trim();
  const version = await runProgram(['dpkg-query', '--show', '--showformat', '${Version}', 'postgresql-15'], {
    timeoutMs: 60_000,
  });
  return { bin, version };
}
