/** One server process from start to end: folder, database, control plane, HTTP; and back in the opposite order. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Allowed, ChannelCourier, Secrets } from '@headgate/adapters/control/notify/index';
import { DataFolderInUse, dataFolderLock } from '@headgate/adapters/machine/data-folder-lock';
import { openFormat, readIfThere, writeDurably } from '@headgate/adapters/machine/index';
import { startTracing } from '@headgate/adapters/tracing/index';
import { destination, type Logger, pino } from 'pino';
import { allHandlers } from './catalog.ts';
import { type Config, readConfig, USAGE, UsageError } from './config.ts';
import { openControlPlane, type ServerParts, SHIPPED } from './control-plane.ts';
import { EmbeddedDatabase } from './database/embedded.ts';
import { migrateExternal } from './database/external.ts';
import { listen } from './http/listen.ts';
import { httpServer } from './http/server.ts';
import { openFolder } from './installation/folder.ts';
import { SERVER_FORMAT } from './installation/format.ts';
import { idsHere } from './log-lines.ts';
import { commandOf } from './recovery/commands.ts';
import { ScheduledBackups } from './recovery/scheduled-backups.ts';

/** How long open requests may take to end when the server stops, and then what decides by itself. Milliseconds. */
const GRACE_MS = 5_000;
/** That nobody takes our traces is said at most this often. Milliseconds. */
const SAY_AGAIN_MS = 60_000;

/**
 * Exit codes: 0 stopped as asked, 1 could not start or broke, 2 wrong usage, 3 the folder belongs to another server, 4 (of
 * `migrate`) a step waits for older servers.
 */
export async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  parts: ServerParts = SHIPPED,
): Promise<number> {
  try {
    const command = commandOf(args);
    if (command !== undefined) return await command(args.slice(1), env);
    if (args.length === 1 && args[0] === '--version') {
      process.stdout.write(`headgate-server ${await version()}\n`);
      return 0;
    }
    const config = readConfig(args, env);
    if ('help' in config) {
      process.stdout.write(USAGE);
      return 0;
    }
    await serve(config, env, parts);
    return 0;
  } catch (error) {
    process.stderr.write(`headgate-server: ${(error as Error).message}\n`);
    if (error instanceof UsageError) return 2;
    return error instanceof DataFolderInUse ? 3 : 1;
  }
}

async function serve(config: Config, env: NodeJS.ProcessEnv, parts: ServerParts): Promise<void> {
  const stop = stopSignal();
  const forgotten = Promise.withResolvers<never>();
  forgotten.promise.catch(() => {});
  const log = logger(config);
  const folder = await openFolder(config.dataDir);
  const lock = await dataFolderLock(folder.root);
  if (lock.takenOverFrom !== undefined) log.warn({ pid: lock.takenOverFrom }, 'taken over from a server that died');
  const own = await version();
  let saidAt = Number.NEGATIVE_INFINITY;
  const tracing = await startTracing(env, 'headgate-server', own, (why) => {
    if (performance.now() - saidAt < SAY_AGAIN_MS) return;
    saidAt = performance.now();
    log.warn({ why }, 'tracing');
  });
  const close: (() => Promise<unknown>)[] = [() => lock.release(), async () => tracing?.stop()];
  try {
    await openFormat(folder.root, SERVER_FORMAT, (step) => log.info(step, 'the data folder was migrated'));
    const embedded = config.databaseUrl === undefined ? await EmbeddedDatabase.open(folder, log) : undefined;
    if (embedded !== undefined) close.push(() => embedded.close());
    if (config.databaseUrl !== undefined) {
      const migrated = await migrateExternal({ ...config, databaseUrl: config.databaseUrl });
      for (const left of migrated?.left ?? []) log.warn(left, 'a step of the database is left for later');
    }
    const plane = await openControlPlane(
      {
        databaseUrl: embedded?.databaseUrl ?? (config.databaseUrl as string),
        folder,
        trustFile: config.trustFile,
        version: own,
        log,
        tracing,
        courier: new ChannelCourier(new Allowed(config.notifyAllow), new Secrets(config.notifyKeys, env)),
        databaseTrouble: () => embedded?.trouble ?? '',
        onForgotten: forgotten.reject,
      },
      parts,
    );
    close.push(() => within(GRACE_MS, plane.stop()));
    const app = httpServer(plane.context, allHandlers(plane.context), config.tls, {
      trustedProxies: config.trustedProxies,
    });
    const port = await listen(app, config, await portBefore(folder.address));
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    const url = `${config.tls === undefined ? 'http' : 'https'}://${host}:${port}`;
    close.push(async () => {
      await within(GRACE_MS, app.close());
      // Who sends a body a byte at a time isn't waited for, and doesn't keep the process alive either.
      app.server.closeAllConnections();
    });
    plane.start();
    if (config.backups !== undefined) {
      const { installation, context } = plane;
      const live = { installation, log: context.log };
      const backups = await ScheduledBackups.open({ folder, schedule: config.backups, live, log });
      context.metrics.watchBackups(() => backups.status);
      close.push(() => within(GRACE_MS, backups.stop()));
      backups.start();
    }
    await writeDurably(folder.address, `${JSON.stringify({ url, pid: process.pid })}\n`);
    log.info({ url, installation: plane.installation.id, pid: process.pid }, 'ready');
    process.stdout.write(`Headgate answers at ${url}\n`);
    await Promise.race([stop, forgotten.promise]);
    log.info({ drainMs: config.drainMs }, 'stopping');
    plane.leave();
    await sleep(config.drainMs);
    plane.beginStop();
  } finally {
    for (const step of close.reverse())
      await step().catch((error: Error) => log.error({ err: error }, 'a part did not stop in order'));
  }
}

/** Structured lines to standard error; nothing that could hold a token or a password is ever handed to it. */
function logger(config: Config): Logger {
  const redact = { paths: ['*.token', '*.password', '*.databaseUrl', '*.authorization'], censor: '[secret]' };
  return pino({ level: config.logLevel, base: null, redact, mixin: idsHere }, destination({ fd: 2, sync: true }));
}

async function version(): Promise<string> {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

/** Resolves at the first SIGTERM or SIGINT. A second one ends the process at once: what it leaves behind is adopted. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve();
      });
  });
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** The port that a server of this folder had last; undefined: none had one, or nobody can tell. */
async function portBefore(address: string): Promise<number | undefined> {
  try {
    const { url } = JSON.parse((await readIfThere(address)) ?? '') as { readonly url?: unknown };
    const port = Number(new URL(String(url)).port);
    return Number.isInteger(port) && port > 0 ? port : undefined;
  } catch {
    return undefined;
  }
}
