import { fields, name, named, names } from '../schema/fields.ts';
import { tenancy } from './application.ts';
import { type ContentOf, kind } from './document.ts';

const spec = fields({
  environment: name,
  slots: names(2, 8).describe(
    'Places for running code: two at least, so that a release can come up beside the one that serves.',
  ),
  stores: named(
    fields({ name, tenancy: tenancy.exactOptional().describe('Only where it differs from the application’s.') }),
    1,
    500,
  ),
});

export const cell = kind('Cell', 'One running copy of the application inside an environment.', spec);
export type CellContent = ContentOf<typeof cell>;
