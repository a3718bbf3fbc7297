import type { ReadingCalls } from '../router/reading.ts';

/**
 * Methods of Odoo's models that change nothing, as its web client and its API clients call them. What isn't here counts as
 * writing; what is here and writes all the same meets a login that may only read.
 */
const READING_METHODS = [
  'check_access_rights',
  'context_get',
  'default_get',
  'export_data',
  'fields_get',
  'formatted_read_group',
  'get_views',
  'has_access',
  'name_search',
  'read',
  'read_group',
  'search',
  'search_count',
  'search_fetch',
  'search_panel_select_multi_range',
  'search_panel_select_range',
  'search_read',
  'web_name_search',
  'web_read',
  'web_read_group',
  'web_search_read',
];

/** What Odoo's clients post although they only read: by JSON-2, and as its web client calls models. */
export const ODOO_READS: readonly ReadingCalls[] = [
  { under: '/json/2/', calls: READING_METHODS },
  { under: '/web/dataset/call_kw/', calls: READING_METHODS },
  { under: '/web/action/', calls: ['load', 'load_breadcrumbs'] },
  { under: '/web/session/', calls: ['get_session_info', 'check', 'modules'] },
];
