import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

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
        return hand(session, await session.client.call('createPrincipal', { body }), options.tokenOut);
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
        return hand(session, await session.client.call('enrolAgent', { body }), options.tokenOut);
      }),
    );
};

function hand(
  { out, cwd }: Session,
  made: { principal: { id: string }; token: string },
  file: string | undefined,
): number {
  const { principal, token } = made;
  if (file === undefined) {
    out.answer(made, `${principal.id} is created. Its token, said only now:\n${token}`);
    return EXIT.ok;
  }
  try {
    writeFileSync(resolve(cwd, file), `${token}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const why = `${principal.id} is created, but its token could not be written: ${(error as Error).message}`;
    throw new Failure(EXIT.refused, 'token-file', why, 'create another principal, with another --token-out');
  }
  out.answer({ principal, tokenFile: file }, `${principal.id} is created; its token is in ${file}`);
  return EXIT.ok;
}
