import { readYaml } from '@headgate/documents/yaml/read-yaml';
import { type Answer, denied, granted } from '@headgate/execution';
import { z } from 'zod';
import { ALL_ARGUMENTS, argument } from './argument.ts';

const LARGEST = 256 * 1024;

const answer = z
  .string('what the version query says, as text: put it into quotes')
  .min(1)
  .max(400)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'UTF-8 text');

const CommandMigration = z
  .strictObject({
    apiVersion: z.literal('headgate/v1'),
    kind: z.literal('CommandMigration'),
    /** What follows the program of the cell's configuration. */
    arguments: z
      .array(argument)
      .max(256)
      .refine((all) => all.join('').length <= ALL_ARGUMENTS, `at most ${ALL_ARGUMENTS} characters in all`),
    /** What the version query says before; null: nothing, the application isn't in the database yet. */
    from: answer.nullable(),
    /** What it says afterwards. */
    to: answer.nullable(),
  })
  .refine(({ from, to }) => from !== to, {
    path: ['to'],
    message: 'another answer than before: nothing else tells whether the migration happened',
  });

/** What a release's migration file says where a command migrates. The way back is a document of its own. */
export type CommandMigration = z.output<typeof CommandMigration>;

/** Reads it (YAML, of which JSON is a part), or says in words what is wrong. */
export function readCommandMigration(text: string, file: string): Answer<CommandMigration> {
  if (text.length > LARGEST) return denied('rejected', `${file} is larger than a CommandMigration document may be`);
  const yaml = readYaml(text, file);
  if (!yaml.ok) return denied('rejected', `${file} is no YAML: ${yaml.problems[0]!.message}`.slice(0, 400));
  const [document, second] = yaml.documents;
  if (!document || second) return denied('rejected', `${file} holds no, or more than one, document`);
  const read = CommandMigration.safeParse(document.value);
  if (read.success) return granted(read.data);
  const why = read.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'it'}: expected ${message}`);
  return denied('rejected', `${file} is no CommandMigration document: ${why.join('; ')}`.slice(0, 450));
}
