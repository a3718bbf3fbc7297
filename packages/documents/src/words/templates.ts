/**
 * What messages say, by audience and happening. A declared Notification may say it otherwise. Values stand in double
 * braces and sections between {{#name}} and {{/name}}: mustache without its ways to leave a value as it is.
 */
import type { Audience, DeliveryKind } from '@headgate/domain';

export interface Template {
  readonly subject: string;
  readonly text: string;
}

type Book = Readonly<Record<Exclude<DeliveryKind, 'digest' | 'event' | 'test'>, Template>>;

const WHAT = '{{application}} {{version}}';
const MORE =
  '{{#others}}\n- {{words}}{{#cell}} ({{cell}}){{/cell}}{{/others}}{{#unnamed}}\n… and {{unnamed}} more{{/unnamed}}';
const INSIDE = `\nPromotion {{promotion}}: {{words}}${MORE}`;

const TEAM: Book = {
  planned: {
    subject: `${WHAT} is planned for {{environment}}`,
    text: `${WHAT} is planned for {{environment}}.${INSIDE}`,
  },
  started: { subject: `${WHAT} goes to {{environment}}`, text: `${WHAT} goes to {{environment}} now.${INSIDE}` },
  waiting: {
    subject: `${WHAT} waits for somebody in {{environment}}`,
    text: `${WHAT} can't go on in {{environment}} without a person.${INSIDE}`,
  },
  paused: { subject: `${WHAT} is paused in {{environment}}`, text: `${WHAT} is paused in {{environment}}.${INSIDE}` },
  'rolled-back': {
    subject: `${WHAT} is rolled back in {{environment}}`,
    text: `${WHAT} is being rolled back in {{environment}}.${INSIDE}`,
  },
  finished: {
    subject: `${WHAT} in {{environment}}: {{result}}`,
    text: `${WHAT} has come to its end in {{environment}}: {{result}}.${INSIDE}`,
  },
};

const APPROVERS: Book = {
  ...TEAM,
  waiting: {
    subject: `${WHAT} waits for your approval`,
    text: `${WHAT} waits for your approval to go to {{environment}}.\nLook at it: headgate explain {{promotion}}\nApprove it: headgate approve {{promotion}}\n{{words}}`,
  },
};

const FOR = '{{#tenants}} for {{tenants}}{{/tenants}}';
const CUSTOMERS: Book = {
  planned: {
    subject: 'An update is planned',
    text: `An update of {{application}} to ${'{{version}}'} is planned${FOR}.`,
  },
  started: { subject: 'Your update begins', text: `The update of {{application}} to {{version}} begins now${FOR}.` },
  waiting: {
    subject: 'Your update takes longer',
    text: `The update of {{application}}${FOR} takes longer than planned.`,
  },
  paused: { subject: 'Your update is paused', text: `The update of {{application}}${FOR} is paused. We go on later.` },
  'rolled-back': {
    subject: 'Your update is taken back',
    text: `The update of {{application}}${FOR} is being taken back; you go on with the version that you had.`,
  },
  finished: {
    subject: 'Your update has ended',
    text: `The update of {{application}}${FOR} {{#promoted}}is done: you work with {{version}} now.{{/promoted}}{{^promoted}}was not made for good. We will come back to you.{{/promoted}}`,
  },
};

const DIGEST: Template = {
  subject: '{{count}} news of {{application}}',
  text: 'Since the last message, {{count}} in all:{{#all}}\n- {{line}}{{/all}}{{#unnamed}}\n… and {{unnamed}} more{{/unnamed}}',
};
const TEST: Template = {
  subject: 'A trial of {{rule}}',
  text: 'This is a trial of the channel {{channel}} of {{rule}}.',
};

const BOOKS: Readonly<Record<Audience, Book>> = {
  team: TEAM,
  approvers: APPROVERS,
  customers: CUSTOMERS,
  support: TEAM,
};

/** The shipped text for an audience; events for programs have none. */
export function shippedTemplate(audience: Audience, about: DeliveryKind): Template {
  if (about === 'digest') return DIGEST;
  if (about === 'test' || about === 'event') return TEST;
  return BOOKS[audience][about];
}
