import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { startTracing } from '@headgate/adapters/tracing/index';
import { loadTrust } from '@headgate/documents';
import { type AgentParts, SHIPPED, startAgent } from './agent.ts';
import { wrongUsage } from './commands/command-line.ts';
import { rollBack } from './commands/rollback.ts';
import { showStatus } from './commands/status.ts';
import { type AgentConfig, loadConfig } from './config.ts';
import { migrateConfig } from './config-version.ts';
import { type Enrolled, enrol, runningIn, startAnewText } from './enrol.ts';
import { acceptRestoredLog, continues, headsToCompare } from './heads/accept-restored-log.ts';
import { openLog } from './log.ts';
import { print, printJson, warn } from './output.ts';
import { enrolForService } from './service/enrol-for-service.ts';
import { takeUpService } from './service/take-up-service.ts';
import { COMMANDS, isMisuse, UNKNOWN_COMMAND, unknownCommand } from './usage.ts';
import { USAGE, usageOf } from './usage-text.ts';

const EXIT = { ok: 0, failed: 1, usage: 64, config: 78 } as const;

/** Runs one command and sets the exit code: 0 done, 1 failed, 2 no such command, 64 wrong usage, 78 wrong configuration. */
export async function runProgram(argv: readonly string[], parts: AgentParts = SHIPPED): Promise<void> {
  const [command, ...rest] = argv;
  try {
    if (command !== undefined && rest.includes('--help') && COMMANDS.includes(command)) {
      print(usageOf(command));
      return;
    }
    switch (command) {
      case '--version':
        print(`headgate-agent ${await ownVersion()}\n`);
        return;
      case 'run':
        return await run(rest, parts);
      case 'take-up':
        return await takeUpCommand(rest);
      case 'accept-restored-log':
        return await acceptCommand(rest, parts);
      case 'status':
        return await statusCommand(rest);
      case 'rollback':
        return await rollbackCommand(rest, parts);
      case 'check':
        check(rest);
        return;
      case 'enrol':
        return await enrolCommand(rest);
      case '--help':
      case 'help':
        print(USAGE);
        return;
      default:
        warn(`headgate-agent: ${unknownCommand(command)}\n`);
        process.exitCode = UNKNOWN_COMMAND;
    }
  } catch (error) {
    if (isMisuse(error) || error instanceof Misuse) {
      process.exitCode = wrongUsage(command ?? '', error, EXIT.usage);
      return;
    }
    for (const line of (error as Error).message.split('\n')) warn(`headgate-agent: ${line}\n`);
    process.exitCode = EXIT.failed;
  }
}

async function run(args: readonly string[], parts: AgentParts): Promise<void> {
  const read = configOf(args);
  if (!read.ok) return complain(read.problems);
  const { config, file } = read;
  const log = openLog(config.name, config.logLevel);
  // Before it starts: who is told to stop while starting ends in order, too.
  const told = Promise.withResolvers<void>();
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // The second one doesn't wait: everything here survives a kill.
      if (asked) process.exit(EXIT.failed);
      asked = true;
      told.resolve();
    });
  // It runs from a file that can't be written as well as from one that can: the older form is read for ever.
  const changes = await migrateConfig(file).catch((error: Error) => {
    log.warn({ file, why: error.message }, 'the configuration is of an older version, and can’t be rewritten');
    return [];
  });
  for (const what of changes) log.info({ file, what }, 'the configuration was migrated');
  const tracing = await startTracing(process.env, 'headgate-agent', await ownVersion(), (why) =>
    log.warn({ why }, 'tracing'),
  );
  const agent = await startAgent(config, { ...parts, tracing }, log);
  // A bug in one place must not end the keeping of the others; a kill would be no better.
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a rejection that nobody handled'));
  await told.promise;
  await agent.stop();
  await tracing?.stop();
  process.exit(EXIT.ok);
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function statusCommand(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const read = configOf(args.filter((arg) => arg !== '--json'));
  if (!read.ok) return complain(read.problems);
  process.exitCode = await showStatus(read.config, read.file, json);
}

async function rollbackCommand(args: readonly string[], parts: AgentParts): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: text, because: text, as: text, yes: { type: 'boolean' } },
  });
  const { config, because, as: by, yes = false } = values;
  if (config === undefined || because === undefined || positionals.length > 1) {
    throw new Misuse('it needs --config, --because, and at most one cell');
  }
  const read = loadConfig(config);
  if (!read.ok) return complain(read.problems);
  const [cell] = positionals;
  process.exit(await rollBack(read.config, parts, { cell, because, by, yes }));
}

function check(args: readonly string[]): void {
  const read = configOf(args);
  if (!read.ok) {
    complain(read.problems);
    return;
  }
  const { name, server, cells, environments, trustFile } = read.config;
  const trust = loadTrust(trustFile);
  if (!trust.ok) {
    complain(trust.problems.map((p) => p.message));
    return;
  }
  // With what is pinned, so that a person sees what the agent would refuse, and by whose keys it judges.
  const signers = trust.trust.signers.map(({ name, may, principal }) => ({ name, may, principal }));
  const summary = { name, server, environments, cells: cells.map((c) => c.cell), trust: { file: trustFile, signers } };
  printJson(summary);
}

/** What was typed lacks something. */
class Misuse extends Error {}

type ConfigRead =
  | { readonly ok: true; readonly config: AgentConfig; readonly file: string }
  | { readonly ok: false; readonly problems: readonly string[] };

function configOf(args: readonly string[]): ConfigRead {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new Misuse('it needs --config FILE');
  const read = loadConfig(values.config);
  return read.ok ? { ...read, file: values.config } : read;
}

async function takeUpCommand(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { config: text, service: text, version: text } });
  const { config: file, service, version } = values;
  if (file === undefined || service === undefined || version === undefined) {
    throw new Misuse('it needs --config, --service and --version');
  }
  const read = loadConfig(file);
  if (!read.ok) return complain(read.problems);
  const report = (line: string): void => void warn(`headgate-agent: ${line}\n`);
  for (const taken of await takeUpService(read.config, service, version, report, file)) printJson(taken);
}

async function acceptCommand(args: readonly string[], parts: AgentParts): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { config: text, head: text, because: text } });
  const read = configOf(values.config === undefined ? [] : ['--config', values.config]);
  if (!read.ok) return complain(read.problems);
  const trust = loadTrust(read.config.trustFile);
  if (!trust.ok) return complain(trust.problems.map((p) => p.message));
  const from = { config: read.config, trust: trust.trust, connect: parts.connect };
  const heads = await headsToCompare(from);
  const { held, offered } = heads;
  const root = offered.root.toString('hex');
  if (values.head === undefined || values.because === undefined) {
    const before = held === undefined ? 'nothing' : `${held.size} entries, root ${held.root.toString('hex')}`;
    const same = held?.size === offered.size && held.root.equals(offered.root);
    print(
      `held     ${before}\noffered  ${offered.size} entries, root ${root}\n${
        same
          ? 'They are the same log: there is nothing to accept.\n'
          : `If you know of a restore: with the agent stopped, and with the head that headgate-server recover printed (it is proved\nthat the offered log goes on from it; ${offered.size}:${root} is the log as it is now):\n` +
            `  headgate-agent accept-restored-log --config ${values.config} --head SIZE:ROOT --because "…"\n`
      }`,
    );
    return;
  }
  if (!(await continues(from, values.head, heads)))
    throw new Error(
      `the log that the server shows (${offered.size}:${root}) doesn't continue ${values.head}: look at both heads again`,
    );
  const kept = await acceptRestoredLog({ config: read.config }, heads, values.because, new Date());
  printJson({ accepted: offered.size, root, before: held?.size ?? 0, kept });
}

async function enrolCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string' },
      'token-file': { type: 'string' },
      trust: { type: 'string' },
      data: { type: 'string' },
      name: { type: 'string' },
      environment: { type: 'string', multiple: true },
      'cell-file': { type: 'string', multiple: true },
      document: { type: 'string', multiple: true },
      'signed-approvals': { type: 'string', multiple: true },
      handed: { type: 'string' },
      service: { type: 'string' },
      cells: { type: 'string' },
      force: { type: 'boolean' },
    },
  });
  if (values.handed !== undefined && values.service !== undefined) {
    const enrolled = await enrolForService(values.handed, values.service, {
      cellsDir: values.cells,
      dataDir: values.data,
      force: values.force,
    });
    return tellEnrolled(enrolled);
  }
  const needed = ['server', 'token-file', 'trust', 'data', 'name', 'environment', 'cell-file'] as const;
  const missing = needed.filter((option) => values[option] === undefined);
  if (missing.length > 0) {
    throw new Misuse(`it needs ${missing.map((m) => `--${m}`).join(', ')}`);
  }
  const enrolled = await enrol({
    server: values.server!,
    tokenFile: values['token-file']!,
    trustFile: values.trust!,
    dataDir: values.data!,
    name: values.name!,
    environments: values.environment!,
    cellFiles: values['cell-file']!,
    documents: values.document ?? [],
    signedApprovals: values['signed-approvals'] ?? [],
    force: values.force ?? false,
  });
  return tellEnrolled(enrolled);
}

async function tellEnrolled(enrolled: Enrolled): Promise<void> {
  if (!enrolled.ok) return complain(enrolled.problems);
  const { config, witness } = enrolled;
  printJson({ config, witness });
  const running = await runningIn(dirname(config));
  if (running !== undefined) warn(`headgate-agent: ${startAnewText(running, relative('.', config) || config)}\n`);
}

function complain(problems: readonly string[]): void {
  for (const problem of problems) warn(`headgate-agent: ${problem}\n`);
  process.exitCode = EXIT.config;
}
