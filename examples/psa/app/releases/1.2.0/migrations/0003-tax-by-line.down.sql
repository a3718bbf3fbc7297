-- Keeps what it drops.
CREATE SCHEMA IF NOT EXISTS archive;
CREATE TABLE IF NOT EXISTS archive.invoice_line_tax (
  archived_at timestamptz, tenant_id text, invoice_number bigint, line integer, tax_code text, tax_cents bigint);
INSERT INTO archive.invoice_line_tax
  SELECT now(), tenant_id, invoice_number, line, tax_code, tax_cents FROM invoice_line WHERE tax_cents IS NOT NULL;
ALTER TABLE invoice_line DROP COLUMN tax_code, DROP COLUMN tax_cents;
