import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Principal } from '@headgate/contract';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable, table } from '../output.ts';
import { everything } from '../paging.ts';

type Role = 'developer' | 'release-manager' | 'approver' | 'operator' | 'auditor' | 'agent' | 'admin';

/** Principals and agents: made here, their tokens said once. */
export const access: Install = (program, act) => {
  program
    .command('principal')
    .description('local principals')
    .command('create <id>')
    .description('make a principal; its token is said only once')
    .requiredOption('--role <role...>', 'developer, release-manager, approver, operator, auditor, admin')
    .option('--token-out <file>', 'write the token to a new 0600 file instead of showing it')
    .action(
      act(async (session, id: string, options: { role: string[]; tokenOut?: string }) => {
        const body = { id, roles: options.role as Role[] };
        return hand(session, () => session.client.call('createPrincipal', { body }), options.tokenOut, 'is created');
      }),
    );
  const principal = program.commands.find((command) => command.name() === 'principal');
  principal
    ?.command('list')
    .description('who there is: people, programs and agents, those who were revoked, too')
    .action(
      act(async ({ client, out }) => {
        const items = await everything((page) => client.call('listPrincipals', { limit: 200, ...page }));
        const rows = items.map((each) => [each.id, each.roles.join(', '), ...standing(each)]);
        out.answer({ items }, table(['ID', 'ROLES', ...STANDING], rows));
        return EXIT.ok;
      }),
    );
  principal
    ?.command('rotate <id>')
    .description('give a principal or an agent a new token, said only once; the one before ends at once')
    .option('--token-out <file>', 'write the token to a new 0600 file instead of showing it')
    .action(
      act(async (session, id: string, options: { tokenOut?: string }) =>
        hand(session, () => session.client.call('rotateToken', { id }), options.tokenOut, 'has a new token'),
      ),
    );
  principal
    ?.command('revoke <id>')
    .description('take every right from a principal or an agent, for good and at once')
    .action(
      act(async ({ client, out }, id: string) => {
        const revoked = await client.call('revokePrincipal', { id });
        out.answer(revoked, `${revoked.id} is revoked`);
        return EXIT.ok;
      }),
    );
  program
    .command('agent')
    .description('agents, which carry out steps inside environments')
    .command('enrol <id>')
    .description('make an agent known; its token is said only once')
    .requiredOption('--environment <name...>', 'environments whose steps it carries out')
    .option('--token-out <file>', 'write the token to a new 0600 file instead of showing it')
    .action(
      act(async (session, id: string, options: { environment: string[]; tokenOut?: string }) => {
        const body = { id, environments: options.environment };
        return hand(session, () => session.client.call('enrolAgent', { body }), options.tokenOut, 'is created');
      }),
    );
  const agent = program.commands.find((command) => command.name() === 'agent');
  agent
    ?.command('widen <id>')
    .description('have an agent carry out the steps of more environments; its token stays')
    .requiredOption('--environment <name...>', 'environments that it gets besides those that it has')
    .action(
      act(async ({ client, out }, id: string, { environment }: { environment: string[] }) => {
        const widened = await client.call('widenAgent', { id, body: { environments: environment } });
        out.answer(widened, `${widened.id} is enrolled for ${(widened.environments ?? []).join(', ')}`);
        return EXIT.ok;
      }),
    );
  agent
    ?.command('list')
    .description('agents and their environments, those that were revoked, too')
    .action(
      act(async ({ client, out }) => {
        const all = await everything((page) => client.call('listPrincipals', { limit: 200, ...page }));
        const items = all.filter(({ roles }) => roles.includes('agent'));
        const rows = items.map((each) => [each.id, (each.environments ?? []).join(', '), ...standing(each)]);
        out.answer({ items }, table(['ID', 'ENVIRONMENTS', ...STANDING], rows));
        return EXIT.ok;
      }),
    );
};

const STANDING = ['SINCE', 'REVOKED'] as const;

function standing({ since, revoked }: Principal): readonly string[] {
  return [instant(since), revoked === undefined ? '-' : revoked ? 'yes' : 'no'];
}

interface Made {
  readonly principal: { readonly id: string };
  readonly token: string;
  readonly undeclared?: readonly { readonly why: string }[];
}

/**
 * Has a token made and hands it over. A token is said once, and the one before ends with it, so the file that it goes to
 * is taken first: where it can't be, nothing is asked for.
 */
async function hand(
  { out, cwd }: Session,
  make: () => Promise<Made>,
  file: string | undefined,
  became: string,
): Promise<number> {
  if (file === undefined) {
    const made = await make();
    out.answer(made, `${made.principal.id} ${became}. Its token, said only now:\n${made.token}${undeclaredText(made)}`);
    return EXIT.ok;
  }
  const path = resolve(cwd, file);
  const taken = takeFile(path);
  try {
    const made = await make();
    const { principal, token, undeclared = [] } = made;
    try {
      writeSync(taken, `${token}\n`);
      fsyncSync(taken);
    } catch (error) {
      const why = `${principal.id} ${became}, but the token could not be written: ${(error as Error).message}`;
      throw new Failure(
        EXIT.refused,
        'token-file',
        why,
        `headgate principal rotate ${principal.id} --token-out ANOTHER-FILE`,
      );
    }
    out.answer(
      { principal, tokenFile: file, ...(undeclared.length > 0 && { undeclared }) },
      `${principal.id} ${became}; the token is in ${file}${undeclaredText(made)}`,
    );
    return EXIT.ok;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(taken);
  }
}

/** An environment that isn't there may be one that comes later, or a slip of the pen: then no step ever comes. */
function undeclaredText({ undeclared = [] }: Made): string {
  return undeclared
    .map(
      ({ why }) =>
        `\nBEWARE: ${printable(why)}: no step comes from there before it is declared (headgate apply -f FILE)`,
    )
    .join('');
}

/** A new file of mode 0600, open for writing. */
function takeFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? `there is a file ${path} already, and it is not written over` : message;
    throw new Failure(EXIT.usage, 'token-file', `${why}; nothing was changed`, 'name another file with --token-out');
  }
}
