import { isAbsolute } from 'node:path';
import { NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';
import { argument } from './argument.ts';

const path = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable');

/** Which variables tell the program where the database is. */
const DatabaseEnv = z.union(
  [
    z.strictObject({
      /** Takes all of it as one URL: `postgresql://user:password@host:port/database`. */
      url: variable,
      /** What the URL begins with, where the program's library wants something particular. */
      scheme: z
        .string()
        .regex(/^[a-z][a-z0-9+.:-]{0,99}$/, 'a scheme without ://')
        .default('postgresql'),
    }),
    z.strictObject({
      host: variable.optional(),
      port: variable.optional(),
      user: variable.optional(),
      password: variable,
      database: variable.optional(),
    }),
  ],
  'either url, or the variables for host, port, user, password and database',
);

/** Half an hour, unless told otherwise. Milliseconds. */
const TIMEOUT_MS = 30 * 60_000;

/**
 * How a store is migrated by the application's own program. The program and its surroundings are the platform engineer's
 * and stand here; a signed release says only with which arguments it is called.
 */
export const CommandMigrations = z
  .strictObject({
    kind: z.literal('command'),
    /**
     * The program and its leading arguments, which no release can change: `[/usr/bin/python3, manage.py, migrate]`. As the
     * program, `${node}` is the cell's Node.
     */
    program: z
      .array(argument)
      .min(1)
      .max(50)
      .refine(
        ([first]) => first !== undefined && (isAbsolute(first) || first === '${node}'),
        'an absolute path of a program comes first',
      ),
    /** The component of the release whose files it runs among; none: the program needs no file of the release. */
    component: z.string().regex(NAME_PATTERN, 'the name of a component').optional(),
    env: z.record(variable, argument.or(z.literal(''))).default({}),
    /** Variables whose value is the content of a 0600 file. */
    secretEnv: z.record(variable, path).default({}),
    /** By default the ones that PostgreSQL's own library reads (PGHOST …). */
    databaseEnv: DatabaseEnv.default({
      host: 'PGHOST',
      port: 'PGPORT',
      user: 'PGUSER',
      password: 'PGPASSWORD',
      database: 'PGDATABASE',
    }),
    /** One SELECT in the application's database with the application's rights: one row with one value, its version. */
    versionQuery: z
      .string()
      .min(1)
      .max(4_000)
      .refine((sql) => !sql.trimEnd().endsWith(';'), 'one query, without a semicolon at its end'),
    /** What an application that was there before Headgate says now, and which schema version that is. */
    baseline: z.strictObject({ version: z.int().min(1).max(1_000_000), answer: z.string().min(1).max(400) }).optional(),
    /**
     * Whether the program can be called again after it was killed anywhere. If not, a killed one that didn't plainly end,
     * or plainly not begin, is left to a person.
     */
    repeatable: z.boolean().default(true),
    /** The longest that one command may take; the step's own time ends it too. */
    timeoutMs: z
      .int()
      .min(1_000)
      .max(24 * 3_600_000)
      .default(TIMEOUT_MS),
    /** How long one of its statements may wait for a lock while others queue behind it; 0: as long as it likes. */
    lockWaitMs: z.int().min(0).max(3_600_000).default(10_000),
    /** Kept of what it prints: the first quarter and the last three. */
    maxOutputBytes: z
      .int()
      .min(4_096)
      .max(16 * 1024 * 1024)
      .default(256 * 1024),
  })
  .superRefine((config, context) => {
    const { scheme: _, ...database } = { scheme: undefined, ...config.databaseEnv };
    const names = [...Object.keys(config.env), ...Object.keys(config.secretEnv), ...Object.values(database)];
    for (const twice of new Set(names.filter((each, i) => names.indexOf(each) !== i)))
      context.addIssue({ code: 'custom', path: ['env'], message: `the variable ${twice} is set twice` });
  });
export type CommandMigrations = z.output<typeof CommandMigrations>;
