/** Tables that Odoo writes to by itself, while nobody works: its jobs, its bus, who was there and with what, what its processes tell each other. */
const BY_ITSELF: ReadonlySet<string> = new Set(
  [
    ...['ir_cron', 'ir_cron_progress', 'ir_cron_trigger', 'ir_logging', 'ir_profile', 'bus_bus', 'mail_presence'],
    ...['bus_presence', 'res_users_log', 'res_device_log', 'auth_totp_rate_limit_log'],
  ].map((name) => `public.${name}`),
);
const SIGNALS = 'public.orm_signaling_';

/** By a table's name with its schema. */
export function isByItself(table: string): boolean {
  return BY_ITSELF.has(table) || table.startsWith(SIGNALS);
}

/** Whether a sequence numbers the rows of such a table. */
export function numbersByItself(sequence: string): boolean {
  return sequence.endsWith('_id_seq') && isByItself(sequence.slice(0, -'_id_seq'.length));
}
