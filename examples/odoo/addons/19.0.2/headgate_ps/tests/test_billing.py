from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged


@tagged('post_install', '-at_install')
class TestBilling(TransactionCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env['res.partner'].create({'name': 'Tested customer', 'is_company': True})
        cls.employee = cls.env['hr.employee'].create({'name': 'Tested consultant'})
        cls.project = cls.env['project.project'].create({
            'name': 'Tested project',
            'partner_id': cls.customer.id,
            'allow_timesheets': True,
            'ps_hourly_rate': 120,
        })
        # The tests' user approves time, as a manager does.
        cls.env.user.group_ids += cls.env.ref('hr_timesheet.group_timesheet_manager')

    def time(self, hours, project=None):
        return self.env['account.analytic.line'].create({
            'name': 'Tested work',
            'project_id': (project or self.project).id,
            'employee_id': self.employee.id,
            'unit_amount': hours,
        })

    def test_every_started_increment_is_billed(self):
        self.assertEqual([self.time(hours).ps_billable_hours for hours in (0.1, 0.25, 0.26, 1.5)], [0.25, 0.25, 0.5, 1.5])

    def test_without_increment_the_time_itself_is_billed(self):
        self.project.ps_increment_minutes = 0
        self.assertEqual(self.time(0.4).ps_billable_hours, 0.4)

    def test_time_that_nobody_approved_is_not_invoiced(self):
        self.time(1)
        with self.assertRaises(UserError):
            self.project.ps_invoice_timesheets()

    def test_approving_says_who_and_when(self):
        line = self.time(1)
        self.assertEqual(line.ps_approval, 'open')
        line.ps_approve()
        self.assertEqual((line.ps_approval, line.ps_approved_by_id), ('approved', self.env.user))
        self.assertTrue(line.ps_approved_at)

    def test_an_invoice_has_the_billable_hours_at_the_rate(self):
        (self.time(0.4) + self.time(1.5)).ps_approve()
        invoice = self.env['account.move'].browse(self.project.ps_invoice_timesheets())
        self.assertEqual(invoice.amount_untaxed, 240)
        self.assertEqual(invoice.ps_project_id, self.project)

    def test_what_was_invoiced_is_not_invoiced_again(self):
        self.time(1).ps_approve()
        self.project.ps_invoice_timesheets()
        with self.assertRaises(UserError):
            self.project.ps_invoice_timesheets()

    def test_a_posted_invoice_has_a_number_and_its_reference(self):
        self.env.company.ps_reference_pattern = '{project}/{year}'
        self.time(1).ps_approve()
        invoice = self.env['account.move'].browse(self.project.ps_invoice_timesheets())
        invoice.action_post()
        self.assertEqual(invoice.state, 'posted')
        self.assertEqual(invoice.ref, f'Tested project/{invoice.invoice_date.year}')
