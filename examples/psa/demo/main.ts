/** `npm start`: one command takes a real release from staging to production, and brings a bad one back. */
import { existsSync } from 'node:fs';
import { argv, cwd, exit, stderr, stdout } from 'node:process';
import { personalAgain } from './again.ts';
import { personalApproval, scriptedApproval } from './approvals.ts';
import type { Closing } from './figures.ts';
import { freshFolder } from './folder.ts';
import { follow } from './follow.ts';
import { interruption } from './interruption.ts';
import type { LoadProcess } from './load-process.ts';
import { Narrator } from './narrator.ts';
import { type DemoOptions, parseOptions } from './options.ts';
import { renderClosing } from './report.ts';
import { tell } from './tell.ts';
import { whereItLies } from './where.ts';
import { World } from './world.ts';

const parsed = parseOptions(argv.slice(2), cwd());
if (!parsed.ok) {
  (parsed.code === 0 ? stdout : stderr).write(`${parsed.text}\n`);
  exit(parsed.code);
}
const { options } = parsed;
const narrator = new Narrator((line) => stdout.write(`${line}\n`), stdout.isTTY === true);
const say = (line: string): void => narrator.say(line);
const interrupted = interruption(say);
const ended = await run(options);
// The last line of all, once everything has stopped.
if (ended.closing !== undefined && options.json) stdout.write(`${JSON.stringify(ended.closing.line)}\n`);
exit(ended.code);

async function run(options: DemoOptions): Promise<{ readonly code: number; readonly closing?: Closing }> {
  let world: World | undefined;
  let load: LoadProcess | undefined;
  let dir = '';
  const stopping = new AbortController();
  interrupted.then(() => stopping.abort());
  try {
    const folder = await freshFolder(options);
    dir = folder.dir;
    if (folder.told !== undefined) say(folder.told);
    say(`data in ${dir}`);
    say('starting the control plane, and beside it the system as it runs today …');
    const { port, databaseUrl } = options;
    world = await World.start({ dataDir: dir, port, databaseUrl, report: say, signal: stopping.signal });
    const following = follow(world, narrator, folder.begun ? 'now' : 'the first entry', stopping.signal);
    const dies = serverEnds(world);
    const closing = await Promise.race([interrupted, dies, folder.fresh ? story(world) : undefined]);
    if (closing === 'interrupted') return { code: 130 };
    if (closing !== undefined) stdout.write(`${renderClosing(closing)}\n`);
    for (const line of await whereItLies(dir)) say(line);
    if (options.once) {
      stopping.abort();
      await following;
      return closing === undefined ? { code: 1 } : { code: isGood(closing) ? 0 : 1, closing };
    }
    const token = `--token-file ${dir}/secrets/operator.token`;
    say(`serving at ${world.address}; try: npm run headgate -- status --server ${world.address} ${token}`);
    say('Ctrl-C stops everything that was started');
    await Promise.race([interrupted, dies]);
    return { code: 0 };
  } catch (error) {
    if (stopping.signal.aborted) return { code: 130 };
    narrator.say(`stopped: ${(error as Error).message}`, 'bad');
    if (existsSync(`${dir}/server.log`)) say(`logs: ${dir}/server.log, ${dir}/agent.log`);
    return { code: 1 };
  } finally {
    stopping.abort();
    if (load?.running) await load.stop().catch(() => {});
    await world?.stop();
  }

  function story(of: World): Promise<Closing> {
    const teller = options.once
      ? { say, approve: scriptedApproval(of) }
      : { say, approve: personalApproval(of, narrator), again: personalAgain(of, narrator) };
    return tell(of, teller, (customers) => {
      load = customers;
    });
  }

  /** A server that ends by itself ends the demonstration, with its own last words. */
  async function serverEnds({ server }: World): Promise<never> {
    const how = await server.ended();
    throw new Error(`the server ended with ${how}: ${await server.lastWords()}`);
  }
}

function isGood({ line, agrees, unmeasured }: Closing): boolean {
  return (
    agrees &&
    unmeasured.length === 0 &&
    // 1.2.0 leaves invoices half way; that none was replayed means that nobody looked.
    line.reconciled > 0 &&
    line.logVerified &&
    line.lostWrites === 0 &&
    line.doubledPostings === 0 &&
    line.detectToSafeMs !== null &&
    line.detectToSafeMs >= 0 &&
    line.firstFailingLookToSafeMs !== null &&
    line.firstFailingLookToSafeMs >= line.detectToSafeMs &&
    line.promoted === '1.1.0' &&
    line.rolledBack === '1.2.0'
  );
}
