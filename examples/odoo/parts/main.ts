/** Gets the parts and says where they are: `node examples/odoo/parts/main.ts`. */
import { MissingPart, odooParts } from './index.ts';

try {
  const parts = await odooParts((line) => console.error(line));
  console.log(JSON.stringify(parts));
} catch (error) {
  if (!(error instanceof MissingPart)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
