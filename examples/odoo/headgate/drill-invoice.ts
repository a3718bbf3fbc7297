/**
 * The business transaction of a restore drill, as a cell's file names it (`vault.drill.transactions.command`): Odoo itself posts
 * an invoice on the copy and reads it back, with the number that follows the last one. It is given the copy by the drill's
 * variables, and the folders of further modules as arguments; 0 when all of it went well.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit, stderr } from 'node:process';

// First of all the copy is neutralised as Odoo does it: no mail server, no scheduled job and no service of others is used by it.
const SCRIPT = `
import odoo.modules.neutralize
odoo.modules.neutralize.neutralize_database(env.cr)
env.cr.commit()
env.invalidate_all()
partner = env['res.partner'].search([('customer_rank', '>', 0)], limit=1) or env['res.partner'].search([], limit=1)
journal = env['account.journal'].search([('type', '=', 'sale')], limit=1)
last = env['account.move'].search([('journal_id', '=', journal.id), ('state', '=', 'posted')], order='sequence_number desc', limit=1)
move = env['account.move'].create({
    'move_type': 'out_invoice', 'partner_id': partner.id, 'journal_id': journal.id,
    'invoice_line_ids': [(0, 0, {'name': 'Restore drill', 'quantity': 1, 'price_unit': 100.0})],
})
move.action_post()
env.cr.commit()
move.invalidate_recordset()
assert move.state == 'posted', move.state
assert move.sequence_number == (last.sequence_number or 0) + 1, (last.name, move.name)
assert abs(sum(move.line_ids.mapped('balance'))) < 0.005, 'the entry is out of balance'
print('DRILLED', move.name)
`;

const { HEADGATE_DRILL_DATABASE_URL: url, HEADGATE_DRILL_ODOO_DIR: odoo, HEADGATE_DRILL_ODOO_DATA_DIR: data } = env;
const { HEADGATE_DRILL_ODOO_PYTHON: python } = env;
if (url === undefined || odoo === undefined || data === undefined || python === undefined) {
  stderr.write('it is run by a drill of an Odoo store, which says where the copy is\n');
  exit(64);
}
const { hostname, port, username, password, pathname } = new URL(url);
const library = join(odoo, 'usr/lib/python3/dist-packages');
const addons = [join(library, 'odoo/addons'), ...argv.slice(2)].join(',');
// As whoever owns the copy's files: as root Odoo would leave some that nobody else may write.
const { uid, gid } = statSync(data);
const child = spawn(
  python,
  [
    ...[join(odoo, 'usr/bin/odoo'), 'shell', '-c', '/dev/null', `--addons-path=${addons}`, `--data-dir=${data}`],
    ...['-d', decodeURIComponent(pathname.slice(1)), '--no-http', '--log-level=warn'],
  ],
  {
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    cwd: data,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...{ PATH: '/usr/bin:/bin', PYTHONPATH: library, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' },
      ...{ LANG: 'C.UTF-8', TZ: 'UTC', HOME: data },
      ...{
        PGHOST: hostname,
        PGPORT: port,
        PGUSER: decodeURIComponent(username),
        PGPASSWORD: decodeURIComponent(password),
      },
    },
  },
);
let said = '';
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  said = `${said}${text}`.slice(-65_536);
});
child.stdin.end(SCRIPT);
child.on('close', (code) => {
  // Odoo's shell ends with 0 also when a line of its input failed.
  const posted = /^DRILLED (\S+)$/m.exec(said)?.[1];
  if (posted === undefined) stderr.write(`${said.trim().slice(-2_000)}\n`);
  else stderr.write(`posted ${posted}\n`);
  exit(posted === undefined || code !== 0 ? 1 : 0);
});
