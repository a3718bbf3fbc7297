/** For tests only: whether the real Odoo can be had here. */
import { knownParts, MissingPart, odooParts } from '../parts/index.ts';

/**
 * Why tests against the real Odoo are left out, or nothing when they can run. With HEADGATE_REQUIRE_REAL=1 a missing part
 * is a failure.
 */
export async function odooMissing(): Promise<string | undefined> {
  if (await knownParts()) return undefined;
  try {
    await odooParts((line) => console.error(line));
    return undefined;
  } catch (error) {
    if (!(error instanceof MissingPart) || process.env.HEADGATE_REQUIRE_REAL === '1') throw error;
    console.error(`Tests against the real Odoo are left out: ${error.message}`);
    return error.message;
  }
}
