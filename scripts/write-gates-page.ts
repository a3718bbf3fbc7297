/** Writes docs/gates.md from the gates: `node scripts/write-gates-page.ts`. */
import { writeFileSync } from 'node:fs';
import { gatesPage } from '@headgate/documents';

writeFileSync(new URL('../docs/gates.md', import.meta.url), gatesPage());
