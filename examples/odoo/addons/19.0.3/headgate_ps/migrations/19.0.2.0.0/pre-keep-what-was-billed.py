"""Adds the columns by hand and fills them for all that was invoiced: the ORM would compute every line of the past by the
new rule, which would change hours that customers have paid for, and takes minutes where this takes seconds."""


def migrate(cr, version):
    if not version:
        return
    cr.execute("""
        ALTER TABLE account_analytic_line
            ADD COLUMN IF NOT EXISTS ps_billable_hours double precision,
            ADD COLUMN IF NOT EXISTS ps_approval varchar
    """)
    cr.execute("""
        UPDATE account_analytic_line
           SET ps_billable_hours = unit_amount,
               ps_approval = CASE WHEN timesheet_invoice_id IS NULL THEN 'open' ELSE 'approved' END
         WHERE ps_approval IS NULL
    """)
    # Projects that exist were agreed upon without increments.
    cr.execute("ALTER TABLE project_project ADD COLUMN IF NOT EXISTS ps_increment_minutes integer")
    cr.execute("UPDATE project_project SET ps_increment_minutes = 0 WHERE ps_increment_minutes IS NULL")
