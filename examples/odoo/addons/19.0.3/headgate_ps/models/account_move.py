from odoo import fields, models


class AccountMove(models.Model):
    _inherit = 'account.move'

    ps_project_id = fields.Many2one('project.project', 'Billed project', index='btree_not_null', copy=False)
    ps_period = fields.Char('Service period', compute='_compute_ps_period', store=True)

    def _compute_ps_period(self):
        for move in self:
            dates = move.timesheet_ids.mapped('date')
            move.ps_period = f'{min(dates)} - {max(dates)}' if dates else False

    def _post(self, soft=True):
        for move in self.filtered('ps_project_id'):
            pattern = move.company_id.ps_reference_pattern
            if pattern and not move.ref:
                move.ref = pattern.format(**move._ps_reference_fields())
        return super()._post(soft)

    def _ps_reference_fields(self):
        date = self.invoice_date or fields.Date.context_today(self)
        return {
            'project': self.ps_project_id.name,
            'partner': self.partner_id.display_name,
            'period': self.ps_period or '',
            'year': date.year,
            'month': f'{date.month:02d}',
        }
