import { z } from 'zod';

const sum = { rows: z.int().min(0), sum: z.string().regex(/^-?\d{1,40}$/) };

/** A promise of rows as a restore point's manifest holds it. */
export const CensusForm = z.strictObject({
  tables: z
    .array(z.strictObject({ relation: z.string().min(1).max(300), ...sum, or: z.strictObject(sum).exactOptional() }))
    .readonly(),
});
