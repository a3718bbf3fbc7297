import { ProblemError } from '@headgate/contract';
import type { Install, Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { agentBackups } from '../doctor/agent-backups-check.ts';
import { type Check, type Finding, unknown, wrong } from '../doctor/finding.ts';
import { LOCAL_CHECKS } from '../doctor/local-checks.ts';
import { recovery } from '../doctor/recovery-check.ts';
import { SERVER_CHECKS, TOKEN } from '../doctor/server-checks.ts';
import { EXIT } from '../exit-codes.ts';
import { type Failure, tell } from '../failure.ts';
import { printable } from '../output.ts';
import { patiently, secondsOf } from '../patience.ts';

const SIGNS = { ok: 'ok     ', wrong: 'WRONG  ', unknown: 'unknown' } as const;

/** What is wrong with this installation, and how to mend it. */
export const doctor: Install = (program, act) => {
  program
    .command('doctor')
    .description('what is wrong with this installation, and how to mend it; exit code 0 when nothing is')
    .option('--wait <seconds>', 'wait so long for the server to be ready, and look then', '0')
    .action(
      act(async (session, options: { wait: string }) => {
        const { out, env, cwd, stop } = session;
        const waitMs = secondsOf(options.wait, '--wait') * 1_000;
        if (waitMs > 0)
          await patiently(
            waitMs,
            stop,
            () => answers(session),
            () => true,
          ).catch(() => {});
        const folder = dataFolder(env, cwd);
        const findings = await looked([...LOCAL_CHECKS, agentBackups], { folder });
        const reached = reach(session);
        if ('finding' in reached) findings.push(reached.finding);
        else
          findings.push(
            ...(await looked([...SERVER_CHECKS, recovery], { ...reached, folder, cwd, now: () => Date.now() })),
          );
        tokenFirst(findings);
        const sick = findings.filter(({ verdict }) => verdict === 'wrong');
        const text = findings.flatMap(({ check, verdict, why, mend }) => [
          `${SIGNS[verdict]}  ${check}: ${why}`,
          ...(mend === '' ? [] : [`           to mend: ${mend}`]),
        ]);
        out.answer({ healthy: sick.length === 0, findings }, text.map(printable).join('\n'));
        return sick.length === 0 ? EXIT.ok : EXIT.refused;
      }),
    );
};

/** A token that isn't accepted stands first: it is why the rest can't be told. */
function tokenFirst(findings: Finding[]): void {
  const at = findings.findIndex(({ check, verdict }) => check === TOKEN && verdict === 'wrong');
  if (at > 0) findings.unshift(...findings.splice(at, 1));
}

async function looked<Facts>(checks: readonly Check<Facts>[], facts: Facts): Promise<Finding[]> {
  const found = await Promise.all(
    checks.map((check) =>
      check.look(facts).catch((error: Error): readonly Finding[] => {
        // Said in full, once, by the check of the token itself.
        if (error instanceof ProblemError && error.status === 401)
          return [unknown(check.name, 'it can’t be asked without a token that is accepted', 'mend the token')];
        const { lines } = tell(error);
        return [unknown(check.name, lines[0] ?? error.message, 'mend what stands in its way, and look again')];
      }),
    ),
  );
  return found.flat();
}

function reach(session: Session): Pick<Session, 'server' | 'client' | 'tokenFile'> | { readonly finding: Finding } {
  try {
    const { server, client, tokenFile } = session;
    return { server, client, tokenFile };
  } catch (error) {
    const { message, unblock } = error as Failure;
    return { finding: wrong('server', message, unblock ?? '') };
  }
}

async function answers(session: Session): Promise<void> {
  const answer = await fetch(`${session.server}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error('not ready');
}
