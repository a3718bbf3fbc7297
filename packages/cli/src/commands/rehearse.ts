import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { secondsOf } from '../patience.ts';
import { rehearseRollback } from '../rehearsal/rehearse-rollback.ts';
import { trafficAddresses } from '../rehearsal/send-traffic.ts';
import { agentProgram } from '../releases/agent-program.ts';
import { layOutRelease } from '../releases/lay-out-release.ts';
import { localKey } from '../releases/local-key.ts';

const FORMS = `
  headgate rehearse RELEASE --from STORE --config agent.yaml [OPTIONS]
  headgate rehearse RELEASE --database-env VAR [--name STORE] [OPTIONS]
  headgate rehearse RELEASE --rollback --in ENVIRONMENT [--traffic URL] [OPTIONS]

The first two run a release's migrations on a copy of a store, and the first, where the cell says how, the application's
business transactions on the migrated copy, of the version that serves and of the release; with --under-load the migrations
once more, interrupted and tried again while sessions work with the version that serves. RELEASE is a folder (release.yaml or headgate.yaml), or a
registered release: digest, version, application@version.
It runs as headgate-agent rehearse, on the machine that holds the store's credentials; headgate-agent rehearse --help has
the options.

The third promotes a registered release to an environment before the last one, takes it back from there during the soak of
its last wave, and compares: tenants, slots, schemas, checks, reconciliation, and the requests that were sent meanwhile. It
takes a token that may promote and roll back (--as release-manager beside a server's own data folder).

With --attach (and --key) the signed statement is attached to the release, be it good or bad.

Exit codes of --rollback: 0 it went well, without an outage longer than --outage; 1 it did not; 7 it wasn't at its end in time.
`;

interface Options {
  readonly attach?: boolean;
  readonly key?: string;
  readonly statement?: string;
  readonly rollback?: boolean;
  readonly in?: string;
  readonly traffic?: readonly string[];
  readonly wait?: string;
  readonly outage?: string;
}

/** Rehearsals: of migrations by the agent's program, with its options, its words and its exit codes; of a promotion and its undo. */
export const rehearse: Install = (program, act) => {
  program
    .command('rehearse <release> [arguments...]')
    .description(
      'run a release’s migrations on a copy of a store: locks, stalls, whether back is back; or (--rollback) all of its promotion and its undo, in an environment before the last',
    )
    .option('--attach', 'attach the signed statement to the release')
    .option('--key <file>', 'sign the statement with this key: a PEM file of mode 0600')
    .option('--statement <file>', 'write the statement there, too')
    .option('--rollback', 'promote it and take it back, in place of its migrations on a copy')
    .option('--in <environment>', 'with --rollback: where')
    .option(
      '--traffic <url>',
      'with --rollback: an address to which requests (GET, five a second) are sent and counted meanwhile; more than once for more',
      (url: string, others: readonly string[] = []) => [...others, url],
    )
    .option('--wait <seconds>', 'with --rollback: for its last soak, and again for its end (default: 3600)')
    .option('--outage <seconds>', 'with --rollback: how long requests may be without a good answer (default: 1)')
    .allowUnknownOption()
    .addHelpText('after', FORMS)
    .action(
      act(async (session, text: string, given: string[], options: Options) => {
        const { attach = false, key } = options;
        if (attach && key === undefined)
          throw new Failure(EXIT.usage, 'usage', '--attach needs --key: only a signed statement is evidence');
        return options.rollback === true
          ? withItsRollback(session, text, given, options)
          : onCopy(session, text, given, options);
      }),
    );
};

async function withItsRollback(
  session: Session,
  text: string,
  given: readonly string[],
  options: Options,
): Promise<number> {
  const { cwd } = session;
  const [other] = given;
  if (other !== undefined) throw new Failure(EXIT.usage, 'usage', `${other} doesn’t go with --rollback`);
  const { in: environment, traffic = [], wait = '3600', outage = '1', key, statement, attach = false } = options;
  if (environment === undefined) throw new Failure(EXIT.usage, 'usage', '--rollback needs --in ENVIRONMENT');
  const outageMs = Number(outage) * 1_000;
  if (!(outageMs >= 0 && outageMs <= 3_600_000))
    throw new Failure(EXIT.usage, 'usage', '--outage: expected a number of seconds');
  return rehearseRollback(session, text, {
    environment,
    traffic: trafficAddresses(traffic),
    waitMs: secondsOf(wait, '--wait') * 1_000,
    outageMs,
    key: key === undefined ? undefined : localKey(resolve(cwd, key)),
    attach,
    statement: statement === undefined ? undefined : resolve(cwd, statement),
  });
}

async function onCopy(session: Session, text: string, given: readonly string[], options: Options): Promise<number> {
  const { out, cwd, env, stop } = session;
  const { attach = false, key, statement } = options;
  for (const each of ['in', 'traffic', 'wait', 'outage'] as const)
    if (options[each] !== undefined) throw new Failure(EXIT.usage, 'usage', `--${each} goes with --rollback`);
  const agent = agentProgram('rehearse');
  // A cell can start its application on the copy, or its program; of a bare database nobody knows how.
  const whole = given.some((each) => /^--from(=|$)/.test(each));
  const laid = await layOutRelease(text, session, whole);
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
}
