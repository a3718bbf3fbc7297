"""Refuses an upgrade that left a line without its hours: better no new version than a wrong invoice."""


def migrate(cr, version):
    if not version:
        return
    cr.execute("""
        SELECT count(*) FROM account_analytic_line
         WHERE project_id IS NOT NULL AND (ps_approval IS NULL OR ps_billable_hours IS NULL)
    """)
    (missing,) = cr.fetchone()
    if missing:
        raise ValueError(f'{missing} timesheet lines have no billable hours or no approval after the migration')
