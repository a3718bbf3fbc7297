-- The ledger's own store. Safe to run again.
CREATE TABLE IF NOT EXISTS ledger_entry (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key           text        NOT NULL UNIQUE,
  fingerprint   text        NOT NULL,
  tenant        text        NOT NULL,
  invoice       bigint      NOT NULL,
  currency      text        NOT NULL,
  net_cents     bigint      NOT NULL,
  tax_cents     bigint      NOT NULL,
  total_cents   bigint      NOT NULL CHECK (total_cents = net_cents + tax_cents),
  reference     text,
  tax_breakdown json,
  posted_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Not unique: the ledger knows documents by key alone, and a poster that makes two keys for one invoice doubles it.
CREATE INDEX IF NOT EXISTS ledger_entry_invoice ON ledger_entry (tenant, invoice);
CREATE INDEX IF NOT EXISTS ledger_entry_page ON ledger_entry (tenant, id);

-- Each posting that was asked for, whatever came of it.
CREATE TABLE IF NOT EXISTS attempt (
  id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  key     text        NOT NULL,
  tenant  text,
  invoice bigint,
  outcome text        NOT NULL CHECK (outcome IN ('accepted', 'repeated', 'conflict'))
);
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'attempts are append-only';
END $$;
CREATE OR REPLACE TRIGGER attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
