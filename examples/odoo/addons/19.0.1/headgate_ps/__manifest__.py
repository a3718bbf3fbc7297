{
    'name': 'Headgate professional services',
    'summary': 'Projects billed by the hour: from a timesheet line to a posted invoice',
    'version': '19.0.1.0.1',
    'category': 'Services/Project',
    'license': 'LGPL-3',
    'author': 'Headgate',
    'depends': ['account', 'hr_timesheet', 'sale_timesheet'],
    'data': ['views/project_views.xml'],
    'installable': True,
}
