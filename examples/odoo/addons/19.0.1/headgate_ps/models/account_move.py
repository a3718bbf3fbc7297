from odoo import fields, models


class AccountMove(models.Model):
    _inherit = 'account.move'

    ps_project_id = fields.Many2one('project.project', 'Billed project', index='btree_not_null', copy=False)

    def _post(self, soft=True):
        for move in self.filtered('ps_project_id'):
            pattern = move.company_id.ps_reference_pattern
            if pattern and not move.ref:
                move.ref = move._ps_reference(pattern)
        return super()._post(soft)

    def _ps_reference(self, pattern):
        date = self.invoice_date or fields.Date.context_today(self)
        return pattern.format(
            project=self.ps_project_id.name,
            customer=self.partner_id.display_name,
            year=date.year,
            month=f'{date.month:02d}',
        )
