/** A session that reads or writes a tenant's rows. One statement at a time: text that ends one and begins another is refused by the server. */
import pg from 'pg';

/** As the server writes them: a driver's idea of a date or a number would not be the same value again. */
const AS_WRITTEN = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

/** What such a session wants beyond our settings: as a census does, so that equal values are equal texts. */
const SETTINGS = { extra_float_digits: '1', row_security: 'off', xmloption: 'content', lc_monetary: 'C' };

/** Not connected yet. */
export function rowsClient(config: pg.ClientConfig): pg.Client {
  const client = new pg.Client({ ...config, types: AS_WRITTEN, application_name: 'headgate recover-tenant' });
  const query = client.query.bind(client) as (config: object) => unknown;
  // Without values the driver would send it by the protocol that takes several statements.
  client.query = ((asked: string | pg.QueryConfig, values?: readonly unknown[]) =>
    query({
      ...(typeof asked === 'string' ? { text: asked } : asked),
      ...(values !== undefined && { values }),
      queryMode: 'extended',
    })) as pg.Client['query'];
  return client;
}

/** Settings of the session; of those that are numbers, in milliseconds. */
export async function settle(client: pg.Client, more: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, value] of Object.entries({ ...SETTINGS, ...more }))
    await client.query('select set_config($1, $2, false)', [name, String(value)]);
}
