import { fields, name } from '../schema/fields.ts';
import { contacts } from './contacts.ts';
import { type ContentOf, kind } from './document.ts';

const spec = fields({
  cell: name,
  store: name.describe('The cell’s store that holds the tenant’s data.'),
  ring: name.describe('The application’s ring that the tenant belongs to.'),
  calendar: name.exactOptional().describe('When this tenant may change, beyond the environment’s calendars.'),
  serviceLevel: name.exactOptional().describe('What was promised to them, by its name: gold, best-effort …'),
  contacts,
});

export const tenant = kind('Tenant', 'A customer, living in a cell. Names are unique within the cell.', spec);
export type TenantContent = ContentOf<typeof tenant>;
