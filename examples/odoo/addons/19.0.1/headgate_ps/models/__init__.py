from . import account_move
from . import project_project
from . import res_company
