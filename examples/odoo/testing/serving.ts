/** For tests only: Odoo's serving processes in slots. */
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { odooEnvironment, serveCommand } from '@headgate/adapters/execution/odoo/index';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { logTail } from '@headgate/adapters/machine/bounded-log';
import { freePort } from '@headgate/adapters/machine/free-port';
import type { Stand } from './stand.ts';

export interface ServingSlot {
  readonly url: string;
  readonly logFile: string;
  stop(): Promise<void>;
}

/** Starts the slot's process on a version's modules and waits until it answers. */
export async function serve(stand: Stand, slot: string, version: string): Promise<ServingSlot> {
  const { stores, door } = stand;
  const httpPort = await freePort();
  const dir = join(stand.dir, 'slots', slot);
  await mkdir(dir, { recursive: true });
  const command = serveCommand({
    odoo: stores.odoo,
    addons: [stand.addons(version)],
    httpPort,
    workers: 0,
    websocketPort: undefined,
    database: undefined,
  });
  const web = new ComponentProcess(dir, { name: 'web', command });
  await web.start('', odooEnvironment(stores.odoo, await door.slotLogin(slot)), stores.odoo.user);
  const url = `http://127.0.0.1:${httpPort}`;
  const until = performance.now() + 60_000;
  for (;;) {
    const answer = await fetch(`${url}/web/health`).catch(() => undefined);
    if (answer?.ok) return { url, logFile: web.logFile, stop: () => web.stop(2_000) };
    if (performance.now() > until)
      throw new Error(`Odoo in slot ${slot} doesn't answer: ${await logTail(web.logFile)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The file of bearer keys that verifications read. */
export async function tokensFile(stand: Stand): Promise<string> {
  const path = join(stand.dir, 'tokens.json');
  const tokens = Object.fromEntries([...stand.access].map(([tenant, { key }]) => [tenant, key]));
  await writeFile(path, JSON.stringify(tokens), { mode: 0o600 });
  await chown(path, 0, 0).catch(() => {});
  return path;
}
