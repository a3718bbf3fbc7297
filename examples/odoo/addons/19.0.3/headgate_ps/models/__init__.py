from . import account_analytic_line
from . import account_move
from . import project_project
from . import res_company
