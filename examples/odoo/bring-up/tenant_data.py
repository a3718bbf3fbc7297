# Run by Odoo's shell: makes each database that is named in the environment the one of its tenant. Secrets come by a file
# that is named there too, never by an argument.
import json
import os

from odoo import SUPERUSER_ID, api
from odoo.addons.base.models.res_users import INDEX_SIZE, KEY_CRYPT_CONTEXT
from odoo.modules.registry import Registry

with open(os.environ['HEADGATE_TENANTS']) as file:
    tenants = json.load(file)

for tenant in tenants:
    registry = Registry(tenant['database'])
    with registry.cursor() as cr:
        tenant_env = api.Environment(cr, SUPERUSER_ID, {})
        tenant_env.company.write({'name': tenant['name'], 'ps_reference_pattern': tenant['referencePattern']})
        user = tenant_env['res.users'].search([('login', '=', 'api')])
        user.password = tenant['password']
        cr.execute('DELETE FROM res_users_apikeys WHERE user_id = %s', [user.id])
        cr.execute(
            'INSERT INTO res_users_apikeys (name, user_id, scope, expiration_date, key, index) VALUES (%s, %s, %s, %s, %s, %s)',
            ['headgate', user.id, 'rpc', None, KEY_CRYPT_CONTEXT.hash(tenant['key']), tenant['key'][:INDEX_SIZE]],
        )
    registry.signal_changes()
