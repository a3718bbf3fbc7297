import math

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError


class AccountAnalyticLine(models.Model):
    _inherit = 'account.analytic.line'

    ps_approval = fields.Selection(
        [('open', 'To approve'), ('approved', 'Approved')], 'Approval', default='open', copy=False, readonly=True, index=True
    )
    ps_approved_by_id = fields.Many2one('res.users', 'Approved by', copy=False, readonly=True)
    ps_approved_at = fields.Datetime('Approved at', copy=False, readonly=True)
    ps_billable_hours = fields.Float(
        'Billable hours', compute='_compute_ps_billable_hours', store=True, help='Hours by the billing rule of the project.'
    )

    @api.depends('unit_amount', 'project_id.ps_increment_minutes')
    def _compute_ps_billable_hours(self):
        for line in self:
            # What an invoice was made of stays as it was invoiced.
            if not line.timesheet_invoice_id:
                line.ps_billable_hours = started(line.unit_amount, line.project_id.ps_increment_minutes)

    def ps_approve(self):
        """Release these lines for invoicing. Only who approves timesheets may; approving twice changes nothing."""
        if not self.env.user.has_group('hr_timesheet.group_hr_timesheet_approver'):
            raise AccessError(_('Only who approves timesheets may release them for invoicing.'))
        if self.filtered(lambda line: not line.project_id):
            raise UserError(_('Only timesheet lines are approved.'))
        self.filtered(lambda line: line.ps_approval != 'approved').sudo().write({
            'ps_approval': 'approved',
            'ps_approved_by_id': self.env.uid,
            'ps_approved_at': fields.Datetime.now(),
        })
        return True

    def _check_can_write(self, values):
        approved = self.sudo().filtered(lambda line: line.ps_approval == 'approved')
        if approved and not self.env.su and {'unit_amount', 'project_id', 'employee_id', 'date'} & values.keys():
            raise UserError(_('An approved timesheet line can no longer be changed.'))
        return super()._check_can_write(values)


def started(hours, increment_minutes):
    """Hours as billed: every started increment counts; without an increment the hours themselves."""
    if not increment_minutes or hours <= 0:
        return hours
    increments = math.ceil(round(hours * 60 / increment_minutes, 6))
    return increments * increment_minutes / 60
