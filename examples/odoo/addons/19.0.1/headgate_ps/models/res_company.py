from odoo import fields, models


class ResCompany(models.Model):
    _inherit = 'res.company'

    ps_reference_pattern = fields.Char(
        'Invoice reference pattern',
        help='What stands as the reference of an invoice: {project}, {customer}, {year} and {month} are filled in.',
    )
