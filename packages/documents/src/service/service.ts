import { WAIVER_FORM } from '@headgate/domain/gates/migrations-analysed';
import { z } from 'zod';
import { contacts } from '../kinds/contacts.ts';
import { type ContentOf, kind } from '../kinds/document.ts';
import { operations } from '../kinds/operations.ts';
import { gate } from '../kinds/policy.ts';
import { activates } from '../schema/activates.ts';
import {
  expects,
  fields,
  list,
  mapping,
  milliseconds,
  name,
  named,
  oneOf,
  safePath,
  text,
  whole,
} from '../schema/fields.ts';
import { parametersSchema } from '../schema/from-json-schema.ts';

const absolutePhrase = expects('an absolute path');
const absolute = z.string(absolutePhrase).regex(/^\/[^\0]{0,4000}$/, absolutePhrase);
const variable = text(128).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, expects('the name of an environment variable'));

// What else it holds is said where the agent reads it; here it is handed on.
const setting = z
  .string(expects('the name of a setting'))
  .regex(/^(?!constructor$|prototype$)[a-z][A-Za-z]{0,63}$/, expects('the name of a setting'));

const sourcePhrase = expects(
  'where the URL is: {variable: NAME} of the agent’s environment, or {file: /path} of mode 0600',
);
const source = z
  .union([fields({ variable }), fields({ file: absolute })], sourcePhrase)
  .describe('Where a connection URL stands. Never the URL itself: it holds a password.');

const gates = list(gate, 0, 50).default([]);

/** A waiver of a policy, and in which environment's it stands. */
const waiver = parametersSchema({
  ...WAIVER_FORM,
  properties: {
    ...WAIVER_FORM.properties,
    environment: { type: 'string', minLength: 1, description: 'In this environment alone; absent: in all of them' },
  },
});

/** A stage of the watch lasts at most so long: a quarter's end is still watched. Milliseconds. */
export const MOST_STAGE_MS = 92 * 86_400_000;
/** How long a promoted release is watched before it counts, where a service doesn't say. Milliseconds. */
export const DEFAULT_SOAK_MS = 60_000;
/** The watch after a promotion, where a service doesn't say: the hour in which most of what goes wrong is seen. */
export const DEFAULT_HYPERCARE = [{ name: 'first-hour', durationMs: 3_600_000 }];

const stagePhrase = expects(`whole milliseconds from 1 to ${MOST_STAGE_MS} (92 days)`);
const hypercare = named(
  fields({
    name,
    durationMs: z.number(stagePhrase).int(stagePhrase).min(1, stagePhrase).max(MOST_STAGE_MS, stagePhrase),
  }),
  0,
  10,
);

const environment = fields({
  name,
  database: fields({
    url: source.describe('The application’s own login, owner of the database.'),
    adminUrl: source.describe(
      'A superuser of the same server: fences, restore points and migrations’ logins are its work.',
    ),
    standbys: mapping(name, source, 5)
      .exactOptional()
      .describe('Standbys that one would fail over to, by name; each login needs pg_monitor, and nothing else.'),
    moves: mapping(name, mapping(setting, z.unknown(), 20), 20)
      .exactOptional()
      .describe('Data that is being moved, by name: what docs/operations/move-data.md says of a store.'),
  }).exactOptional(),
  port: whole(1, 65_535)
    .exactOptional()
    .describe('Where customers’ requests arrive; a free one is chosen when none is given.'),
  approvals: whole(0, 20).exactOptional().describe('People who must agree; by default one for the last environment.'),
  gates: gates.describe('Gates of this environment alone; each stands in the place of those of the same name below.'),
  hypercare: hypercare.exactOptional().describe('The watch after a promotion to this environment alone.'),
  env: mapping(variable, z.string(expects('a text')).max(4_096, expects('at most 4096 characters')), 200).default({}),
});

const spec = fields({
  run: list(text(4_096), 1, 64).describe('The command; ${dir} is the release’s folder, ${node} the agent’s Node.'),
  files: list(safePath, 1, 500).describe('Files and folders that make up a release, beside this document.'),
  health: z
    .string(expects('a path that starts with /'))
    .regex(/^\/[\x21-\x7e]{0,499}$/, expects('a path that starts with /'))
    .describe('Answers 2xx once the service serves.'),
  databaseVariable: variable
    .default('DATABASE_URL')
    .describe('The variable in which the service is given its connection URL.'),
  migrations: safePath.exactOptional().describe('A folder of numbered SQL files, or of command migrations.'),
  phase: oneOf('expand', 'data', 'contract').default('expand').describe('Of migrations whose name doesn’t say it.'),
  migrate: mapping(setting, z.unknown(), 50)
    .exactOptional()
    .describe('Where the application’s own program migrates: what docs/command-migrator.md says of a store.'),
  environments: named(environment, 1, 20).describe('In the order in which releases pass through them.'),
  tests: whole(1).exactOptional().describe('At least so many passed tests must be attached before a promotion.'),
  gates: gates.describe(
    'Gates of all environments, as a Policy has them; each stands in the place of the one that the service would have by itself.',
  ),
  waivers: list(waiver, 0, 1_000)
    .default([])
    .describe('Findings that go by all the same wherever the gate migrations-analysed stands.'),
  soakMs: milliseconds(0).default(DEFAULT_SOAK_MS).describe('How long a promoted release is watched before it counts.'),
  hypercare: hypercare
    .default(DEFAULT_HYPERCARE)
    .describe('The watch after a promotion, one stage after the other; it holds nothing up. [] is none.'),
  calendar: name.exactOptional().describe('A Calendar declared beside it; without one, releases may move at any time.'),
  verification: name
    .exactOptional()
    .describe('A Verification declared beside it; without one, the health path is asked.'),
  operations,
  activates,
  contacts,
});

/** A web service with a database, said once: releases, agents and the control plane each take their part of it. */
export const service = kind(
  'Service',
  'A web service, its database, and the environments that its releases pass through.',
  spec,
);
export type ServiceContent = ContentOf<typeof service>;
export type ServiceEnvironment = ServiceContent['spec']['environments'][number];
/** Where a connection URL stands. */
export type UrlSource = z.output<typeof source>;
