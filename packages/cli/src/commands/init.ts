import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { lookAtProject } from '../init/project.ts';
import { HEALTH_PATHS, recognise } from '../init/recognise.ts';
import { serviceText } from '../init/service-text.ts';
import { printable } from '../output.ts';
import { SERVICE_FILE } from '../releases/service-folder.ts';

interface Options {
  readonly yes?: boolean;
  readonly url?: string;
  readonly environment?: string;
  readonly owner: string;
}

/** Writes the first configuration of an existing system. Needs no server. */
export const init: Install = (program, act) => {
  program
    .command('init [folder]')
    .description('look at an existing service and write its headgate.yaml: shows it first, overwrites nothing')
    .option('--yes', 'write without asking, for CI')
    .option('--url <url>', 'a running copy, asked for its health path')
    .option('--environment <name>', 'its first environment (default: SERVICE-production)')
    .option('--owner <team>', 'who answers for it', 'team')
    .action(
      act(async (session, folder: string | undefined, options: Options) => {
        const { out, cwd } = session;
        const dir = resolve(cwd, folder ?? '.');
        if (!existsSync(dir)) throw notThere(`there is no folder ${dir}`);
        if (!statSync(dir).isDirectory()) throw new Failure(EXIT.usage, 'usage', `${dir} is no folder`);
        const file = join(dir, SERVICE_FILE);
        if (existsSync(file))
          throw new Failure(
            EXIT.refused,
            'there-already',
            `${file} is there, and nothing is overwritten`,
            'change it, or move it away',
          );
        const project = await lookAtProject(dir, basename(dir));
        const found = recognise(project, options.url === undefined ? undefined : await healthAt(options.url));
        // Environments are the installation's: with the service's name in it, it is no other service's.
        const { environment = `${found.name}-production`, owner } = options;
        const text = serviceText(found, { environment, owner });
        out.line(`${file}:\n\n${text}`);
        for (const each of found.unknown) out.line(`couldn't find out ${printable(each)}`);
        if (options.yes !== true) await confirm(session);
        writeFileSync(file, text, { flag: 'wx' });
        const next = `headgate setup ${folder ?? '.'}`;
        out.answer({ file, ...found, next }, `written. Read it, then: ${next}`);
        return EXIT.ok;
      }),
    );
};

/** The first of the usual paths that a running copy answers 200 on. Its root counts as the last of them. */
async function healthAt(url: string): Promise<string | undefined> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Failure(EXIT.usage, 'usage', `--url: expected http:// or https://, found ${url.slice(0, 200)}`);
  let why = '';
  for (const path of HEALTH_PATHS) {
    try {
      const answer = await fetch(new URL(path, url), { signal: AbortSignal.timeout(2_000), redirect: 'manual' });
      await answer.body?.cancel();
      if (answer.ok) return path;
    } catch (error) {
      why = ((error as Error).cause as { code?: string } | undefined)?.code ?? (error as Error).message;
      break;
    }
  }
  if (why !== '')
    throw new Failure(
      EXIT.unreachable,
      'unreachable',
      `${url} doesn't answer (${why})`,
      'start the service, or leave --url away',
    );
  return undefined;
}

async function confirm({ stdin, out }: Session): Promise<void> {
  const refuse = (why: string) => new Failure(EXIT.usage, 'not-confirmed', why, 'give --yes');
  if (out.json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here, so nothing was written');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    if ((await asked.question('Write it? [y/N] ')).trim().toLowerCase() !== 'y') throw refuse('nothing was written');
  } finally {
    asked.close();
  }
}
