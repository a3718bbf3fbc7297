/**
 * History rewritten with every right that the server's machine has: the database's superuser, and the key that signs the
 * log's heads. The server alone can't show it; what an agent witnessed, and an export from before, do.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { ControlPlane } from '@headgate/agent';
import { TreeHeadWitness } from '@headgate/agent/heads/tree-head-witness';
import { witnessKey } from '@headgate/agent/heads/witness-key';
import { openLog } from '@headgate/agent/log';
import {
  decodeEntry,
  encodeEntry,
  Frontier,
  leafOf,
  noteSigner,
  parseVerifierKey,
  signTreeHead,
} from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { asSuperuser } from '@headgate/server/testing/superuser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommandLine } from '../program.ts';
import { openHead } from './heads.ts';

const { signal: never } = new AbortController();
let server: RealServer;
let folder: string;
let witness: TreeHeadWitness;
/** Place of the entry that will be rewritten. */
let place: number;

async function headgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const into = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: Readable.from([]), stdout: into('out'), stderr: into('err'), stop: never };
  const code = await runCommandLine(args, { env: {}, cwd: folder, ...terminal });
  return { code, ...written };
}

/** What the attacker does: changes who applied a document, hashes the whole tree anew, signs it with the log's own key. */
async function rewriteHistory(): Promise<number> {
  return asSuperuser(server, async (db) => {
    const { rows } = await db.query<{ place: string; id: string; bytes: Buffer }>(
      'select l.place, e.id, e.bytes from headgate.log_leaf l join headgate.entry e on e.id = l.entry order by l.place',
    );
    const at = rows.findIndex(({ bytes }) => bytes.includes('document.applied'));
    const row = rows[at]!;
    const was = decodeEntry(row.bytes);
    if (!was.ok) throw new Error(was.why);
    const forged = encodeEntry({ ...was.entry, by: 'usr_innocent' });
    if (!forged.ok) throw new Error(forged.why);
    row.bytes = forged.bytes;
    const frontier = Frontier.empty();
    const nodes = rows.flatMap(({ bytes }) => frontier.append(leafOf(bytes)));
    const key = await readFile(join(server.dataDir, 'secrets', 'log.key'), 'utf8');
    const origin = (await readFile(join(server.dataDir, 'log.pub'), 'utf8')).split('+')[0] as string;
    const note = signTreeHead(
      { origin, size: rows.length, root: frontier.root() },
      noteSigner(origin, 'tree-head', key),
    );
    await db.query('begin');
    for (const table of ['entry', 'log_leaf', 'log_node', 'log_head'])
      await db.query(`alter table headgate.${table} disable trigger append_only`);
    await db.query('update headgate.entry set bytes = $2 where id = $1', [row.id, row.bytes]);
    for (const { level, index, hash } of nodes)
      await (level === 0
        ? db.query('update headgate.log_leaf set hash = $2 where place = $1', [index, hash])
        : db.query('update headgate.log_node set hash = $3 where level = $1 and index = $2', [level, index, hash]));
    await db.query('delete from headgate.log_head');
    await db.query('insert into headgate.log_head (size, root, note, at) values ($1, $2, $3, headgate.clock_ms())', [
      rows.length,
      frontier.root(),
      note,
    ]);
    for (const table of ['entry', 'log_leaf', 'log_node', 'log_head'])
      await db.query(`alter table headgate.${table} enable trigger append_only`);
    await db.query('commit');
    return at;
  });
}

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-rewritten-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  const verifier = parseVerifierKey((await readFile(join(server.dataDir, 'log.pub'), 'utf8')).trim());
  if (!verifier.ok) throw new Error(verifier.why);
  const dataDir = join(folder, 'agent');
  await mkdir(dataDir);
  witness = await TreeHeadWitness.open({
    dataDir,
    trust: { log: { origin: verifier.key.name, logKeys: [verifier.key] } } as never,
    plane: new ControlPlane(company.agent),
    key: await witnessKey(dataDir, 'agt_shop'),
    log: openLog('test', 'silent'),
  });
  const auditor = await server.client('auditor');
  const grownTo = (size: number) =>
    until('the log has grown', async () => {
      const opened = openHead(await auditor.call('logHead'), [verifier.key]);
      return opened.ok && opened.head.size >= size;
    });
  await grownTo(12);
  await witness.look(never);
  expect((await headgate('log', 'export', 'before', '--witness', 'agent/tree-head.cosigned.note')).code).toBe(0);
  // The head that isn't co-signed lies beside the one that is: who took it is told which.
  const verify = (head: string) =>
    headgate('log', 'verify', 'plain', '--head', join('agent', head), '--witness-key', 'agent/witness.pub');
  expect((await headgate('log', 'export', 'plain')).code).toBe(0);
  expect(await verify('tree-head.note')).toMatchObject({
    code: 6,
    out: expect.stringMatching(/0 did; .*tree-head\.cosigned\.note of its data folder/),
  });
  expect(await verify('tree-head.cosigned.note')).toMatchObject({ code: 0 });
  await company.release('1.1.0');
  await grownTo((witness.held?.size ?? 0) + 2);
  await witness.look(never);
  const offline = await headgate('log', 'verify', 'before', '--witness-key', 'agent/witness.pub');
  expect(offline).toMatchObject({ code: 0, out: expect.stringMatching(/co-signed up to \d+ by 1 witness$/m) });
  // A server remembers the newest head once a second.
  await until('the server to remember it', async () => {
    const { note } = JSON.parse(await readFile(join(server.dataDir, 'newest-head.json'), 'utf8')) as { note: string };
    return Number(note.split('\n')[1]) >= (witness.held?.size ?? 0);
  });
  place = await rewriteHistory();
});

afterAll(async () => {
  await server.remove();
  await rm(folder, { recursive: true, force: true });
});

it('fits in itself: server, database and a fresh export show nothing', async () => {
  expect(await headgate('log', 'verify')).toMatchObject({ code: 0 });
  expect(await headgate('log', 'export', 'after')).toMatchObject({ code: 0 });
  expect(await headgate('log', 'verify', 'after')).toMatchObject({ code: 0 });
});

it('is noticed by the server that runs on it, which is ready no more', async () => {
  await until('the server to notice', async () => {
    const { parts } = (await (await fetch(`${server.url}/readyz`)).json()) as {
      parts: { part: string; ready: boolean; why: string }[];
    };
    const memory = parts.find(({ part }) => part === 'memory');
    return memory?.ready === false && memory.why.includes('does not continue the one');
  });
});

it('is refused by the head that an agent holds, online and offline', async () => {
  const held = ['--head', 'agent/tree-head.note'];
  expect(await headgate('log', 'verify', ...held)).toMatchObject({
    code: 6,
    out: expect.stringContaining('head-forked'),
  });
  const offline = await headgate('--json', 'log', 'verify', 'after', ...held);
  expect(offline.code).toBe(6);
  const verdict = JSON.parse(offline.out) as { code: string; firstBad: number; lastBad: number };
  expect(verdict.code).toBe('head-forked');
  expect(verdict.firstBad).toBeLessThanOrEqual(place);
  expect(verdict.lastBad).toBeGreaterThanOrEqual(place);
});

it('is named, entry by entry, by an export from before, which takes nothing of it up', async () => {
  const compared = await headgate('log', 'verify', 'after', '--earlier', 'before');
  expect(compared).toMatchObject({
    code: 6,
    out: expect.stringContaining(`the first entry that doesn't fit is at place ${place}\n`),
  });
});

it('raises the alarm of the agent that witnessed the log before', async () => {
  await witness.look(never);
  expect(witness.alarm.trouble?.why).toMatch(/FORK-ALARM/);
  expect(JSON.parse(await readFile(join(folder, 'agent', 'FORK-ALARM.json'), 'utf8'))).toMatchObject({
    code: 'head-forked',
  });
});

it('is refused offline without a server, a token or a data folder, in files that were put beside', async () => {
  await rm(join(folder, '.headgate'));
  const key = (await readFile(join(server.dataDir, 'log.pub'), 'utf8')).trim();
  expect(await headgate('log', 'verify', 'before', '--key', key)).toMatchObject({ code: 0 });
  expect(await readdir(join(folder, 'before'))).toEqual(expect.arrayContaining(['checkpoint', 'tile', 'witnesses']));
  await writeFile(join(folder, 'before', 'tile', 'note.txt'), 'x');
  expect(await headgate('log', 'verify', 'before', '--key', key)).toMatchObject({ code: 6 });
  await rm(join(folder, 'before', 'tile', 'note.txt'));
  const note = join(folder, 'before', 'checkpoint');
  await writeFile(note, (await readFile(note, 'utf8')).replace(/\n(\d+)\n/, '\n1$1\n'));
  expect(await headgate('log', 'verify', 'before', '--key', key)).toMatchObject({
    code: 6,
    out: expect.stringMatching(/does not verify/),
  });
});
