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
  alarmed: {
    subject: `${WHAT} is not sound in {{environment}}`,
    text: `The watch after ${WHAT} in {{environment}} found something.${INSIDE}\nLook at it: headgate incident`,
  },
  sound: {
    subject: `${WHAT} is sound in {{environment}}`,
    text: `The watch after ${WHAT} in {{environment}} has ended well.${INSIDE}`,
  },
  frozen: {
    subject: 'Frozen: {{environment}}',
    text: `No step forward begins any more: {{environment}} is frozen. What is at work ends its step, and the way back stays open.\n{{words}}${MORE}\nWhat it stops: headgate freeze list, headgate status`,
  },
  lifted: {
    subject: 'Not frozen any more: {{environment}}',
    text: `What waited for a freeze of {{environment}} goes on by itself.\n{{words}}${MORE}`,
  },
  adopted: {
    subject: '{{application}} is under control in {{environment}}',
    text: `{{application}} was taken under control in {{environment}} as it runs, on {{version}}.\n{{words}}${MORE}`,
  },
  'drill-failed': {
    subject: 'A restore drill did not go well in {{environment}}',
    text: `What was brought back of cell {{cell}} isn't what was promised, or nobody knows whether it is. Until a drill goes well, count on nothing from there.\n{{words}}${MORE}\nLook at it: headgate drill list`,
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
  // Customers are told of their own updates alone; these read soundly if a rule of another day tells them.
  alarmed: { subject: 'We look after your update', text: `We look closer at the update of {{application}}${FOR}.` },
  sound: { subject: 'Your update is settled', text: `The update of {{application}}${FOR} has settled.` },
  frozen: { subject: 'Updates are on hold', text: 'Updates are on hold until further notice.' },
  lifted: { subject: 'Updates go on', text: 'Updates go on as planned.' },
  'drill-failed': { subject: 'We look after your data', text: 'We look closer at how your data is kept.' },
  adopted: { subject: 'Your system is looked after', text: 'Updates of {{application}} are looked after from now on.' },
};

const DIGEST: Template = {
  subject: '{{count}} news{{#application}} of {{application}}{{/application}}',
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
