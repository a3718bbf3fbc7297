/** For tests only: whether Debian's Django can be had here. */

import { installPackages } from '@headgate/example-odoo/parts/debian-packages.ts';
import { runProgram } from '@headgate/example-odoo/parts/run-program.ts';

const PACKAGES = ['python3-django', 'python3-psycopg2'];
const IMPORT = ['/usr/bin/python3', '-c', 'import django, psycopg2'];

/**
 * Why tests against the real Django are left out, or nothing when they can run. With HEADGATE_REQUIRE_REAL=1 it is
 * installed (8 s), and a failure is one.
 */
export async function djangoMissing(): Promise<string | undefined> {
  try {
    await runProgram(IMPORT, { timeoutMs: 30_000 });
    return undefined;
  } catch (error) {
    if (process.env.HEADGATE_REQUIRE_REAL === '1') {
      await installPackages(PACKAGES);
      await runProgram(IMPORT, { timeoutMs: 30_000 });
      return undefined;
    }
    const why = `Debian's Django is missing: apt-get install --no-install-recommends ${PACKAGES.join(' ')} (${(error as Error).message.slice(0, 200)})`;
    console.error(`Tests against the real Django are left out: ${why}`);
    return why;
  }
}
