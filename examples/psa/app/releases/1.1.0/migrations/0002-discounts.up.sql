-- Expand: both columns have a constant default, so nothing is rewritten and code that doesn't know them goes on writing.
ALTER TABLE project
  ADD COLUMN discount_basis_points integer NOT NULL DEFAULT 0 CHECK (discount_basis_points BETWEEN 0 AND 10000);
ALTER TABLE invoice_line
  ADD COLUMN discount_cents bigint NOT NULL DEFAULT 0;
