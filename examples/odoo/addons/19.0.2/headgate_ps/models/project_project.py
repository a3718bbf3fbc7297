from odoo import Command, _, api, fields, models
from odoo.exceptions import UserError
from odoo.modules.module import Manifest


class ProjectProject(models.Model):
    _inherit = 'project.project'

    ps_hourly_rate = fields.Float('Hourly rate', digits='Product Price')
    ps_increment_minutes = fields.Integer(
        'Billing increment (minutes)', default=15, help='Every started increment is billed; 0 bills the exact time.'
    )

    def ps_invoice_timesheets(self):
        """Make one draft invoice of all approved timesheet lines of this project that weren't invoiced. Its id."""
        self.ensure_one()
        if not self.partner_id:
            raise UserError(_('The project %s has no customer to invoice.', self.name))
        lines = self._ps_billable_lines()
        if not lines:
            raise UserError(_('The project %s has no approved time to invoice.', self.name))
        invoice = self.env['account.move'].create({
            'move_type': 'out_invoice',
            'partner_id': self.partner_id.id,
            'invoice_origin': self.name,
            'ps_project_id': self.id,
            'invoice_line_ids': [
                Command.create({
                    'name': f'{line.date} {line.name}',
                    'quantity': self._ps_hours(line),
                    'price_unit': self.ps_hourly_rate,
                })
                for line in lines
            ],
        })
        lines.sudo().write({'timesheet_invoice_id': invoice.id})
        return invoice.id

    @api.model
    def ps_versions(self):
        """Version of the code that answers, and of the database that it answers from: Odoo doesn't compare them itself."""
        module = self.env['ir.module.module'].sudo().search([('name', '=', 'headgate_ps')])
        return {'code': Manifest.for_addon('headgate_ps')['version'], 'database': module.latest_version}

    def _ps_billable_lines(self):
        return self.env['account.analytic.line'].search(
            [
                ('project_id', '=', self.id),
                ('timesheet_invoice_id', '=', False),
                ('ps_approval', '=', 'approved'),
            ],
            order='date, id',
        )

    def _ps_hours(self, line):
        return line.ps_billable_hours
