# Run by Odoo's shell in the template database: what every tenant begins with. `env` is the shell's.
import base64
import hashlib

from odoo import Command

company = env.company
company.write({'name': 'Headgate example', 'ps_reference_pattern': '{year}-{month}/{project}'})

# Verifications post their invoices here, so that none takes a number of the customer's own.
sales = env['account.journal'].search([('code', '=', 'INV'), ('company_id', '=', company.id)])
env['account.journal'].create({
    'name': 'Verification',
    'code': 'CHK',
    'type': 'sale',
    'company_id': company.id,
    'default_account_id': sales.default_account_id.id,
})

groups = [
    'base.group_user',
    'base.group_partner_manager',
    'project.group_project_manager',
    'hr_timesheet.group_timesheet_manager',
    'account.group_account_manager',
    'hr.group_hr_manager',
    'sales_team.group_sale_salesman',
]
api = env['res.users'].with_context(no_reset_password=True).create({
    'name': 'API',
    'login': 'api',
    'group_ids': [Command.set([env.ref(group).id for group in groups])],
})
env['hr.employee'].create({'name': 'API', 'user_id': api.id, 'company_id': company.id, 'hourly_cost': 40})
consultant = env['hr.employee'].create({'name': 'Consultant', 'company_id': company.id, 'hourly_cost': 50})

for n in range(1, 4):
    customer = env['res.partner'].create({'name': f'Customer {n}', 'is_company': True})
    project = env['project.project'].create({
        'name': f'Project {n}',
        'partner_id': customer.id,
        'allow_timesheets': True,
        'ps_hourly_rate': 90 + 10 * n,
    })
    for day in range(1, 11):
        env['account.analytic.line'].create({
            'name': f'Work of day {day}',
            'project_id': project.id,
            'employee_id': consultant.id,
            'date': f'2026-09-{day:02d}',
            'unit_amount': 0.5 + day / 4,
        })
    # Attachments that are surely files of their own: none is small enough, or equal to another, to be shared.
    for page in range(1, 4):
        text = ''.join(hashlib.sha256(f'{n} {page} {line}'.encode()).hexdigest() + '\n' for line in range(300))
        env['ir.attachment'].create({
            'name': f'contract-{n}-{page}.txt',
            'res_model': 'project.project',
            'res_id': project.id,
            'datas': base64.b64encode(text.encode()),
        })
    env.flush_all()
    if n < 3:
        env['account.move'].browse(project.ps_invoice_timesheets()).action_post()

env.cr.commit()
