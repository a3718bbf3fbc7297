/** `npm run example:odoo`: real Odoo 19 goes through the gate, tenant by tenant, and one tenant comes back. */

import { existsSync } from 'node:fs';
import { argv, cwd, exit, stderr, stdout } from 'node:process';
import { personalApproval, scriptedApproval } from '@headgate/example-psa/demo/approvals.ts';
import { freshFolder, markTold } from '@headgate/example-psa/demo/folder.ts';
import { follow } from '@headgate/example-psa/demo/follow.ts';
import { interruption } from '@headgate/example-psa/demo/interruption.ts';
import { Narrator } from '@headgate/example-psa/demo/narrator.ts';
import { whereItLies } from '@headgate/example-psa/demo/where.ts';
import { World } from '@headgate/example-psa/demo/world.ts';
import { bringUpOdoo, type OdooExample } from './bring-up.ts';
import { odooOptions } from './demo/options.ts';
import { type OdooClosing, renderOdoo } from './demo/report.ts';
import { tellOdoo } from './demo/tell.ts';
import { odooDocuments } from './documents.ts';
import { MissingPart } from './parts/index.ts';

const parsed = odooOptions(argv.slice(2), cwd());
if (!parsed.ok) {
  (parsed.code === 0 ? stdout : stderr).write(`${parsed.text}\n`);
  exit(parsed.code);
}
const { options, failing } = parsed;
const narrator = new Narrator((line) => stdout.write(`${line}\n`), stdout.isTTY === true);
const say = (line: string): void => narrator.say(line);
const interrupted = interruption(say);
const ended = await run();
// The last line of all, once everything has stopped.
if (ended.closing !== undefined && options.json) stdout.write(`${JSON.stringify(ended.closing.line)}\n`);
exit(ended.code);

async function run(): Promise<{ readonly code: number; readonly closing?: OdooClosing }> {
  let world: World<OdooExample> | undefined;
  let dir = '';
  const stopping = new AbortController();
  const stopLoad: (() => Promise<void>)[] = [];
  try {
    const folder = await freshFolder(options);
    dir = folder.dir;
    if (folder.told !== undefined) say(folder.told);
    say(`data in ${dir}`);
    say('starting the control plane, and beside it Odoo as it runs today …');
    const { port, databaseUrl } = options;
    world = await World.around(
      { dataDir: dir, port, databaseUrl, report: say },
      {
        agent: 'agt_odoo',
        documents: odooDocuments(),
        bringUp: () => bringUpOdoo({ dataDir: dir, failing, report: say }),
      },
    );
    const following = follow(world, narrator, folder.begun ? 'now' : 'the first entry', stopping.signal);
    const telling = {
      world,
      say,
      approve: options.once ? scriptedApproval(world) : personalApproval(world, narrator),
    };
    const story = async (): Promise<OdooClosing> => {
      const closing = await tellOdoo(telling, failing, (stop) => stopLoad.push(stop));
      await markTold(dir);
      return closing;
    };
    const closing = await Promise.race([interrupted, folder.fresh ? story() : undefined]);
    if (closing === 'interrupted') return { code: 130 };
    if (closing !== undefined) stdout.write(`${renderOdoo(closing)}\n`);
    for (const line of await whereItLies(dir)) say(line);
    if (options.once) {
      stopping.abort();
      await following;
      return closing === undefined ? { code: 1 } : { code: closing.findings.length === 0 ? 0 : 1, closing };
    }
    const token = `--token-file ${dir}/secrets/operator.token`;
    say(`serving at ${world.address}; try: npm run headgate -- status --server ${world.address} ${token}`);
    for (const { cell, url, host } of world.example.cells)
      say(`cell ${cell.cell}: ${cell.tenants.map(({ id }) => url.replace('127.0.0.1', host(id))).join(', ')}`);
    say('Ctrl-C stops everything that was started');
    await interrupted;
    return { code: 0 };
  } catch (error) {
    if (error instanceof MissingPart) stderr.write(`${error.message}\n`);
    else narrator.say(`stopped: ${(error as Error).message}`, 'bad');
    if (existsSync(`${dir}/server.log`)) say(`logs: ${dir}/server.log, ${dir}/agent.log`);
    return { code: 1 };
  } finally {
    stopping.abort();
    for (const stop of stopLoad) await stop().catch(() => {});
    await world?.stop();
  }
}
