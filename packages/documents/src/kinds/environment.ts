import { fields, name, names } from '../schema/fields.ts';
import { contacts } from './contacts.ts';
import { type ContentOf, kind } from './document.ts';

const spec = fields({
  application: name,
  policy: name.describe('The Policy whose gates stand before every change here.'),
  calendars: names(0, 20).describe('Calendars that must all be inside a window; freezes of any of them win.'),
  agent: name.describe('The agent that alone holds this environment’s credentials.'),
  contacts,
});

export const environment = kind('Environment', 'A stage that releases pass through: staging, production …', spec);
export type EnvironmentContent = ContentOf<typeof environment>;
