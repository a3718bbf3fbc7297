/**
 * The agent's own door: a socket in a folder of its data that nobody else may enter, for a person on the machine. It says how
 * things stand, and goes back when it is asked to with the server away.
 */
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Refusal } from '@headgate/domain';
import { z } from 'zod';
import { type CarriedOut, CarryOutAsk } from '../reconcile/carry-out-ask.ts';
import { type TakenPoint, TakePointAsk } from '../restore-points/take-ask.ts';
import type { AgentStatus } from './status.ts';

/** What is asked at the door. Bounded, like everything from outside. */
export const Ask = z.strictObject({
  /** Undefined: every cell in which a wave is in progress. */
  cell: z.string().min(1).max(200).exactOptional(),
});
export const RollBackAsk = Ask.extend({
  by: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$/),
  because: z.string().trim().min(1).max(500),
  /** Of the way back that the person saw: another one is refused. */
  seen: z.string().max(100),
});
export type RollBackAsk = z.output<typeof RollBackAsk>;

/** What going back would do, as it was shown. */
export interface Shown {
  readonly lines: readonly string[];
  /** Names exactly this. */
  readonly seen: string;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** How a rollback ended: all undone, or it stands still somewhere. */
export interface RolledBack {
  readonly undone: readonly string[];
  readonly standsStill: readonly { readonly cell: string; readonly why: string }[];
}

/** What is behind the door. */
export interface Behind {
  status(): Promise<AgentStatus>;
  show(ask: z.output<typeof Ask>): Promise<Answer<Shown>>;
  rollBack(ask: RollBackAsk, progress: (line: string) => void): Promise<Answer<RolledBack>>;
  carryOut(ask: CarryOutAsk, progress: (line: string) => void): Promise<Answer<CarriedOut>>;
  takePoint(ask: TakePointAsk, progress: (line: string) => void): Promise<Answer<TakenPoint>>;
}

const ASKED: readonly string[] = ['/way-back', '/rollback', '/carry-out', '/restore-point'];
const MOST_BYTES = 64 * 1024;
/** Of a compensation plan with its document and approvals. */
const MOST_PLAN_BYTES = 16 * 1024 * 1024;

export interface Door {
  close(): Promise<void>;
}

/**
 * The socket of a data folder by a short name: the kernel takes no more than 107 bytes, and folders can be deep. Throws for
 * a link: whoever laid it would choose whose folder is locked and emptied, or who is asked.
 */
export async function doorPath(dataDir: string): Promise<{ readonly path: string; readonly folder: FileHandle }> {
  const dir = join(dataDir, 'door');
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const folder = await open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(async (error: Error) => {
    const found = await lstat(dir).catch(() => undefined);
    if (found === undefined || found.isDirectory()) throw error;
    throw new Error(`${dir} is no folder, or a link to one: take it away, and the agent makes its own`);
  });
  return { path: `/proc/self/fd/${folder.fd}/agent.sock`, folder };
}

/** Opens the door. The caller holds the data folder, so a socket that is there already is a dead agent's. */
export async function openDoor(dataDir: string, behind: Behind): Promise<Door> {
  await mkdir(join(dataDir, 'door'), { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const { path, folder } = await doorPath(dataDir);
  const server = createServer(
    { requestTimeout: 10_000 },
    (request, response) => void answer(behind, request, response),
  );
  try {
    await folder.chmod(0o700);
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    await chmod(path, 0o600);
  } catch (error) {
    await folder.close();
    throw error;
  }
  return { close: () => closed(server, folder) };
}

async function closed(server: Server, folder: FileHandle): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await folder.close();
}

async function answer(behind: Behind, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, value: unknown): void => {
    if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(value)}\n`);
  };
  try {
    const { method, url } = request;
    if (method === 'GET' && url === '/status') return send(200, await behind.status());
    if (method !== 'POST' || url === undefined || !ASKED.includes(url)) return send(404, { ok: false });
    const body: unknown = JSON.parse(await text(request, url === '/carry-out' ? MOST_PLAN_BYTES : MOST_BYTES));
    if (url === '/way-back') return send(200, await behind.show(Ask.parse(body)));
    // A line as it goes on, the answer last. Whoever asked may go away: what was decided goes on.
    const progress = (line: string): void => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify({ line })}\n`);
    };
    if (url === '/carry-out') return send(200, await behind.carryOut(CarryOutAsk.parse(body), progress));
    if (url === '/restore-point') return send(200, await behind.takePoint(TakePointAsk.parse(body), progress));
    send(200, await behind.rollBack(RollBackAsk.parse(body), progress));
  } catch (error) {
    const why = (error as Error).message;
    send(error instanceof z.ZodError || error instanceof SyntaxError ? 400 : 500, { ok: false, why });
  }
}

async function text(request: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) throw new SyntaxError('too much was sent');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
