import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { agentProgram } from '../releases/agent-program.ts';
import { layOutRelease } from '../releases/lay-out-release.ts';

const FORMS = `
  headgate rehearse RELEASE --from STORE --config agent.yaml [OPTIONS]
  headgate rehearse RELEASE --database-env VAR [--name STORE] [OPTIONS]

RELEASE is a folder (release.yaml or headgate.yaml), or a registered release: digest, version, application@version.
It runs as headgate-agent rehearse, on the machine that holds the store's credentials; headgate-agent rehearse --help has
the options. With --attach (and --key) the signed statement is attached to the release, be it good or bad.
`;

interface Options {
  readonly attach?: boolean;
  readonly key?: string;
  readonly statement?: string;
}

/** Rehearsals, by the agent's program: with its options, its words and its exit codes. */
export const rehearse: Install = (program, act) => {
  program
    .command('rehearse <release> [arguments...]')
    .description('run a release’s migrations on a copy of a store: locks, stalls, whether back is back')
    .option('--attach', 'attach the signed statement to the release')
    .option('--key <file>', 'sign the statement with this key: a PEM file of mode 0600')
    .option('--statement <file>', 'write the statement there, too')
    .allowUnknownOption()
    .addHelpText('after', FORMS)
    .action(
      act(async (session, text: string, given: string[], { attach = false, key, statement }: Options) => {
        const { out, cwd, env, stop } = session;
        if (attach && key === undefined)
          throw new Failure(EXIT.usage, 'usage', '--attach needs --key: only a signed statement is evidence');
        const agent = agentProgram('rehearse');
        const laid = await layOutRelease(text, session);
        try {
          const written = statement === undefined ? join(laid.dir, 'statement.json') : resolve(cwd, statement);
          const keys = key === undefined ? [] : ['--key', resolve(cwd, key)];
          const more = attach || statement !== undefined ? ['--statement', written, ...keys] : [];
          const args = [agent, 'rehearse', '--release', laid.dir, ...given, ...more, ...(out.json ? ['--json'] : [])];
          const child = spawn(process.execPath, args, { cwd, env, stdio: 'inherit' });
          // It takes its copy away, and then ends.
          stop.addEventListener('abort', () => child.kill());
          const [code] = (await once(child, 'exit')) as [number | null];
          // Of a bad rehearsal, too: what was seen counts, whatever it was.
          if (attach && (await stat(written).catch(() => undefined)) !== undefined) {
            const bundle = JSON.parse(await readFile(written, 'utf8')) as Record<string, unknown>;
            const attached = await session.client.call('attachEvidence', { body: { bundle } });
            process.stderr.write(`attached ${attached.digest} to ${attached.subject}\n`);
          }
          return code ?? EXIT.interrupted;
        } finally {
          await laid.remove();
        }
      }),
    );
};
