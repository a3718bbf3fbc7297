/** Writes the JSON Schemas that are checked in: `node packages/documents/src/kinds/write-schemas.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { documentSchemas } from './schemas.ts';

const folder = new URL('../../schemas/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [kind, schema] of Object.entries(documentSchemas())) {
  writeFileSync(new URL(`${kind.toLowerCase()}.json`, folder), `${JSON.stringify(schema, null, 2)}\n`);
}
