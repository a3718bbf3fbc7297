/** `npm start`: one command takes a real release from staging to production, and brings a bad one back. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argv, cwd, exit, stderr, stdout } from 'node:process';
import { personalApproval, scriptedApproval } from './approvals.ts';
import type { Closing } from './figures.ts';
import { freshFolder, markTold } from './folder.ts';
import { follow } from './follow.ts';
import { LoadProcess } from './load-process.ts';
import { measure, settle } from './measure.ts';
import { Narrator } from './narrator.ts';
import { type DemoOptions, parseOptions } from './options.ts';
import { renderClosing } from './report.ts';
import { adopt, type PromotionEnd, promote, release, type Telling } from './story.ts';
import { World } from './world.ts';

const parsed = parseOptions(argv.slice(2), cwd());
if (!parsed.ok) {
  (parsed.code === 0 ? stdout : stderr).write(`${parsed.text}\n`);
  exit(parsed.code);
}
const { options } = parsed;
const narrator = new Narrator((line) => stdout.write(`${line}\n`), stdout.isTTY === true);
const say = (line: string): void => narrator.say(line);
exit(await run(options));

async function run(options: DemoOptions): Promise<number> {
  const folder = await freshFolder(options);
  if (folder.told !== undefined) say(folder.told);
  say(`data in ${folder.dir}`);
  say('starting the control plane, and beside it the system as it runs today …');
  const stopping = new AbortController();
  const world = await World.start({
    dataDir: folder.dir,
    port: options.port,
    databaseUrl: options.databaseUrl,
    report: say,
  });
  let load: LoadProcess | undefined;
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  try {
    const following = follow(world, narrator, stopping.signal);
    const told = (async () => {
      if (!folder.fresh) return undefined;
      const demo = join(folder.dir, 'demo');
      await mkdir(demo, { recursive: true, mode: 0o700 });
      load = await LoadProcess.start(world.example, demo, 4);
      const closing = await tell(world, load, options.once);
      await markTold(folder.dir);
      return closing;
    })();
    const first = await Promise.race([told, interrupted]);
    if (first === 'interrupted') return 130;
    if (first !== undefined) stdout.write(`${renderClosing(first)}\n`);
    if (options.once) {
      stopping.abort();
      await following;
      if (first !== undefined && options.json) stdout.write(`${JSON.stringify(first.line)}\n`);
      return first !== undefined && isGood(first) ? 0 : 1;
    }
    say(
      `serving at ${world.address}; try: npm run headgate -- status --server ${world.address} --token-file ${folder.dir}/secrets/operator.token`,
    );
    say('Ctrl-C stops everything that was started');
    await interrupted;
    return 0;
  } catch (error) {
    narrator.say(`stopped: ${(error as Error).message}`, 'bad');
    say(`logs: ${folder.dir}/server.log, ${folder.dir}/agent.log`);
    return 1;
  } finally {
    stopping.abort();
    say('stopping what was started; the data stays');
    if (load?.running) await load.stop().catch(() => {});
    await world.stop();
  }
}

async function tell(world: World, load: LoadProcess, once: boolean): Promise<Closing> {
  const approve = once ? scriptedApproval(world) : personalApproval(world, say);
  const telling: Telling = { world, say, approve };
  await adopt(telling);
  const good = await release(telling, '1.1.0');
  const bad = await release(telling, '1.2.0');
  const ends: PromotionEnd[] = [];
  for (const [ref, environment, expected] of [
    [good, 'staging', 'promoted'],
    [good, 'production', 'promoted'],
    [bad, 'staging', 'promoted'],
    [bad, 'production', 'rolled-back'],
  ] as const) {
    const end = await promote(telling, ref, environment);
    ends.push(end);
    if (end.result !== expected)
      throw new Error(`${ref.version} → ${environment} ended ${end.result}, the story says ${expected}`);
  }
  say('the customers go home; measuring …');
  await load.stop();
  await settle(world);
  return measure(world, load.journalFile, ends);
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
    line.promoted === '1.1.0' &&
    line.rolledBack === '1.2.0'
  );
}
