-- Keeps what it drops: discounts that were agreed and given stay findable.
CREATE SCHEMA IF NOT EXISTS archive;
CREATE TABLE IF NOT EXISTS archive.project_discount (
  archived_at timestamptz, tenant_id text, project_id text, discount_basis_points integer);
CREATE TABLE IF NOT EXISTS archive.invoice_line_discount (
  archived_at timestamptz, tenant_id text, invoice_number bigint, line integer, discount_cents bigint);
INSERT INTO archive.project_discount
  SELECT now(), tenant_id, id, discount_basis_points FROM project WHERE discount_basis_points <> 0;
INSERT INTO archive.invoice_line_discount
  SELECT now(), tenant_id, invoice_number, line, discount_cents FROM invoice_line WHERE discount_cents <> 0;
ALTER TABLE invoice_line DROP COLUMN discount_cents;
ALTER TABLE project DROP COLUMN discount_basis_points;
