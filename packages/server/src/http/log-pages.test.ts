/** The log's pages and streams by their bytes and tokens: on a real server with a log of large entries. */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer, until } from '../testing/real-server.ts';
import { asSuperuser } from '../testing/superuser.ts';
import { drained } from './event-stream.ts';

const ENTRIES = 400;
const ENTRY_BYTES = 60_000;

let server: RealServer;
const sockets: net.Socket[] = [];

beforeAll(async () => {
  server = await RealServer.start();
  // As a log is after some months.
  await asSuperuser(server, (db) =>
    db.query(
      `with e as (
         insert into headgate.entry (stream, version, bytes)
         select 'attempt/a' || i, 1, convert_to('{"at":1,"by":"x","data":{"w":"' || repeat('x', $1)
           || '"},"stream":"attempt/a' || i || '","type":"attempt.refused","v":1,"version":1}', 'UTF8')
         from generate_series(1, $2) i returning id
       ) insert into headgate.entry_waiting (entry) select id from e`,
      [ENTRY_BYTES, ENTRIES],
    ),
  );
  await placedEntries(server);
}, 60_000);
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => server?.remove());

/** What waits in the kernel on each connection to or from the server. */
function queues(): string[] {
  const port = `:${Number(new URL(server.url).port).toString(16).toUpperCase().padStart(4, '0')} `;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines.filter((line) => line.includes(port)).map((line) => line.trim().split(/\s+/)[4] ?? '');
}

describe('a page of the log', () => {
  it('ends where its bytes do, and whoever goes on behind it gets all', async () => {
    const auditor = await server.client('auditor');
    const pages: number[] = [];
    let places = 0;
    for (;;) {
      const { entries } = await auditor.call('logEntries', { from: places, limit: 1_000 });
      if (entries.length === 0) break;
      expect(entries.map(({ place }) => place)).toEqual(entries.map((_, i) => places + i));
      places += entries.length;
      pages.push(entries.reduce((sum, { bytes }) => sum + (bytes.length * 3) / 4, 0));
    }
    expect(places).toBeGreaterThan(ENTRIES);
    expect(Math.max(...pages)).toBeLessThan(1024 * 1024 + ENTRY_BYTES * 2);
  });
});

describe('an event stream', () => {
  it('that nobody reads ends with its token, and its place is free again', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_watcher', roles: ['auditor'] } });
    const begun: boolean[] = [];
    for (let i = 0; i < 16; i++) {
      const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', (head) => {
        begun.push(String(head).startsWith('HTTP/1.1 200'));
        socket.pause();
      });
      socket.write(`GET /v1/events?after=-1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
    }
    await until('all have begun', async () => begun.length === 16);
    expect(begun).not.toContain(false);
    // What the kernel takes for a caller is full.
    for (let last = '', same = 0; same < 20; await new Promise((resolve) => setTimeout(resolve, 25))) {
      const now = queues().join();
      same = now === last ? same + 1 : 0;
      last = now;
    }
    const watch = async (bearer: string) => {
      const stop = new AbortController();
      const headers = { authorization: `Bearer ${bearer}` };
      const ask = () => fetch(`${server.url}/v1/events`, { headers, signal: stop.signal });
      const answers = await Promise.all(Array.from({ length: 16 }, ask));
      stop.abort();
      return answers.filter(({ status }) => status === 200).length;
    };
    expect(await watch(token)).toBe(0);
    const rotated = await admin.call('rotateToken', { id: 'usr_watcher' });
    await until('all places are free', async () => (await watch(rotated.token)) === 16);
  }, 60_000);

  const FAST = { idleMs: 200, beatMs: 20 };
  const full = () => {
    const raw = new PassThrough({ highWaterMark: 1 });
    raw.write('more than it takes');
    return raw;
  };
  const never = new AbortController().signal;
  const admitted = async () => true;

  it('goes on when it is read, and ends for who takes nothing for too long, whose token ended, or who is gone', async () => {
    const read = full();
    setTimeout(() => read.resume(), 50);
    expect(await drained(read, never, admitted, { ...FAST, idleMs: 60_000 })).toBe(true);
    expect(await drained(full(), never, admitted, FAST)).toBe(false);
    expect(await drained(full(), never, async () => false, { idleMs: 60_000, beatMs: 20 })).toBe(false);
    expect(await drained(full(), AbortSignal.timeout(50), admitted, { idleMs: 60_000, beatMs: 20 })).toBe(false);
  });
});
