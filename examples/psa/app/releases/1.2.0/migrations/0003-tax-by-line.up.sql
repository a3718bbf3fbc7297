-- Expand: absent on lines that an earlier release made.
ALTER TABLE invoice_line
  ADD COLUMN tax_code text,
  ADD COLUMN tax_cents bigint;
