import { toldGates } from '@headgate/documents';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { table } from '../output.ts';

/** The gates that a policy can list: needs no server, since gates are part of the program. */
export const gate: Install = (program, act) => {
  const group = program.command('gate').description('gates that a policy can list: what each asks, and its parameters');
  group
    .command('list')
    .description('all of them, in the order in which people read them')
    .action(
      act(async ({ out }) => {
        const items = toldGates().map(({ name, asks, at, schema: parameters }) => ({ name, asks, at, parameters }));
        const rows = items.map(({ name, asks }) => [name, asks]);
        out.answer({ items }, `${table(['GATE', 'ASKS'], rows)}\n\nits parameters: headgate gate show GATE`);
        return EXIT.ok;
      }),
    );
  group
    .command('show <gate>')
    .description('one gate: what it asks, where it stands, its parameters, and how a policy lists it')
    .action(
      act(async ({ out }, named: string) => {
        const all = toldGates();
        const found = all.find(({ name }) => name === named);
        if (found === undefined)
          throw new Failure(
            EXIT.notFound,
            'not-found',
            `there is no gate ${named.slice(0, 100)}`,
            `one of: ${all.map(({ name }) => name).join(', ')}`,
          );
        const { name, asks, at, place, schema, parameters, listed } = found;
        const rows = parameters.map((each) => [
          `  ${each.name}`,
          each.required ? 'has to be given' : 'may be left out',
          each.form,
          each.says,
        ]);
        const text = [
          `${name}: ${asks}`,
          `stands before ${place}`,
          ...(rows.length === 0 ? ['has no parameters'] : ['', table(['  PARAMETER', '', 'HAS TO BE', 'SAYS'], rows)]),
          '',
          'in a Policy, or in the gates of a headgate.yaml:',
          ...listed.split('\n').map((line) => `  ${line}`),
        ];
        out.answer({ name, asks, at, parameters: schema }, text.join('\n'));
        return EXIT.ok;
      }),
    );
};
