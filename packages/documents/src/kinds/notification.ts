import { HAPPENINGS } from '@headgate/domain/notify/happening';
import { AUDIENCES } from '@headgate/domain/notify/rule';
import { z } from 'zod';
import {
  distinct,
  expects,
  fields,
  list,
  name,
  named,
  names,
  oneOf,
  principal,
  safePath,
  text,
  whole,
} from '../schema/fields.ts';
import { templateTrouble } from '../words/render.ts';
import { window } from './calendar.ts';
import { timezone } from './date-time.ts';
import { type ContentOf, kind } from './document.ts';

/** Only variables that are meant for it: a document must not make the server send any other of its secrets away. */
const envPhrase = expects('the name of an environment variable that begins with HEADGATE_NOTIFY_');
const secret = z
  .union(
    [
      fields({ env: z.string(envPhrase).regex(/^HEADGATE_NOTIFY_[A-Z0-9_]{1,80}$/, envPhrase) }),
      fields({ file: safePath.describe('Below the server’s folder for secrets of notifications.') }),
    ],
    expects('a secret by reference: {env: HEADGATE_NOTIFY_…} or {file: …}'),
  )
  .describe('Where the server finds it; secrets don’t stand in documents.');

const urlPhrase = expects('an http or https URL without a user, a password and a fragment, at most 1,000 characters');
const url = z.string(urlPhrase).max(1_000, urlPhrase).refine(isWebUrl, urlPhrase);

function isWebUrl(given: string): boolean {
  if (!URL.canParse(given) || /[\s\p{Cc}]/u.test(given)) return false;
  const { protocol, username, password, hash } = new URL(given);
  return /^https?:$/.test(protocol) && username === '' && password === '' && hash === '';
}

const addressPhrase = expects(
  'an e-mail address like release@example.org, of ASCII letters and without a name around it',
);
// Narrower than RFC 5321: no quoted local part, no comment, nothing that could begin another header or recipient.
const address = z
  .string(addressPhrase)
  .max(254, addressPhrase)
  .regex(
    /^[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
    addressPhrase,
  );

const hostPhrase = expects('a host name or address');
const host = z.string(hostPhrase).regex(/^(?=.{1,253}$)[A-Za-z0-9][A-Za-z0-9.:-]*$/, hostPhrase);

const webhook = fields({
  name,
  type: z.literal('webhook'),
  url,
  secrets: list(secret, 1, 5).describe(
    'Each signs every message (Standard Webhooks): two of them while one is replaced.',
  ),
  format: oneOf('message', 'cdevents').default('message').describe('cdevents: each event by itself, as CloudEvents.'),
});

const chat = fields({
  name,
  type: z.literal('chat'),
  url: secret.describe('The incoming webhook’s URL. Whoever knows it can write, so it is a secret.'),
});

const smtp = fields({
  name,
  type: z.literal('smtp'),
  host,
  port: whole(1, 65_535).default(587),
  security: oneOf('starttls', 'tls', 'none')
    .default('starttls')
    .describe('none only for servers that the configuration allows by name.'),
  user: text(200).exactOptional(),
  password: secret.exactOptional(),
  from: address,
  to: distinct(address, 1, 50, (each) => each.toLowerCase()),
}).check((context) => {
  const { user, password } = context.value;
  if ((user === undefined) !== (password === undefined))
    context.issues.push({
      code: 'custom',
      message: 'expected:user and password, or neither',
      path: ['user'],
      input: user,
    });
});

const channel = z.discriminatedUnion('type', [webhook, chat, smtp], expects('a channel: type webhook, chat or smtp'));

const templateText = (most: number) =>
  text(most).check((context) => {
    const trouble = templateTrouble(context.value);
    if (trouble !== undefined)
      context.issues.push({ code: 'custom', message: `expected:${trouble}`, input: context.value });
  });
const template = fields({
  about: oneOf(...HAPPENINGS, 'digest'),
  subject: templateText(300),
  text: templateText(4_000),
});

const tenantPhrase = expects('a tenant as cell/tenant');
const tenant = z.string(tenantPhrase).regex(/^[a-z0-9-]{1,63}\/[a-z0-9-]{1,63}$/, tenantPhrase);

const spec = fields({
  audience: oneOf(...AUDIENCES).describe(
    'Approvers hear only of what waits for them, customers only of their own tenants.',
  ),
  happenings: distinct(oneOf(...HAPPENINGS), 1, HAPPENINGS.length, (each) => each).default([...HAPPENINGS]),
  environments: names(0, 100).default([]).describe('Only of these; none: of all.'),
  tenants: distinct(tenant, 0, 1_000, (each) => each)
    .default([])
    .describe('Only what concerns these; of customers: theirs.'),
  principals: distinct(principal, 0, 100, (each) => each)
    .default([])
    .describe('Of approvers: who they are.'),
  channels: named(channel, 1, 10),
  quietHours: fields({ timezone, windows: named(window, 1, 20) })
    .exactOptional()
    .describe('When only what is urgent is sent; the rest comes as one message at their end.'),
  gatherSeconds: whole(0, 600).default(10).describe('How long a message waits for more of the same.'),
  digestMinutes: whole(1, 1_440).exactOptional().describe('What isn’t urgent comes together, once in so many minutes.'),
  mostPerHour: whole(1, 1_000).default(30).describe('A channel; the rest comes as one message when the hour is over.'),
  templates: distinct(template, 0, 20, (each) => each.about, 'about')
    .default([])
    .describe('What to say instead.'),
}).check((context) => {
  const { audience, tenants } = context.value;
  if (audience === 'customers' && tenants.length === 0)
    context.issues.push({
      code: 'custom',
      message: 'expected:the tenants whose customers are told, as cell/tenant',
      path: ['tenants'],
      input: tenants,
    });
});

export const notification = kind('Notification', 'Whom to tell of what happens to promotions, and by which way.', spec);
export type NotificationContent = ContentOf<typeof notification>;
export type Channel = NotificationContent['spec']['channels'][number];
