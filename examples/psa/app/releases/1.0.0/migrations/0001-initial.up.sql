-- The first schema. Every table's key begins with its tenant.
CREATE TABLE customer (
  tenant_id      text    NOT NULL,
  id             text    NOT NULL,
  name           text    NOT NULL,
  currency       text    NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  tax_code       text    NOT NULL CHECK (tax_code IN ('standard', 'reduced', 'reverse-charge')),
  purchase_order text,
  main           boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX customer_main ON customer (tenant_id) WHERE main;

CREATE TABLE project (
  tenant_id           text        NOT NULL,
  id                  text        NOT NULL,
  customer_id         text        NOT NULL,
  name                text        NOT NULL,
  currency            text        NOT NULL,
  rate_per_hour_cents bigint      NOT NULL CHECK (rate_per_hour_cents > 0),
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES customer (tenant_id, id)
);

CREATE TABLE invoice_counter (
  tenant_id text   PRIMARY KEY,
  last      bigint NOT NULL
);

CREATE TABLE invoice (
  tenant_id       text        NOT NULL,
  number          bigint      NOT NULL,
  project_id      text        NOT NULL,
  currency        text        NOT NULL,
  net_cents       bigint      NOT NULL,
  tax_cents       bigint      NOT NULL,
  total_cents     bigint      NOT NULL CHECK (total_cents = net_cents + tax_cents),
  state           text        NOT NULL DEFAULT 'created' CHECK (state IN ('created', 'acknowledged')),
  erp_reference   text        CHECK ((erp_reference IS NOT NULL) = (state = 'acknowledged')),
  created_at      timestamptz NOT NULL DEFAULT now(),
  acknowledged_at timestamptz,
  PRIMARY KEY (tenant_id, number),
  FOREIGN KEY (tenant_id, project_id) REFERENCES project (tenant_id, id)
);
CREATE INDEX invoice_project ON invoice (tenant_id, project_id);

CREATE TABLE time_entry (
  tenant_id      text        NOT NULL,
  id             text        NOT NULL,
  project_id     text        NOT NULL,
  person         text        NOT NULL,
  day            date        NOT NULL,
  minutes        integer     NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
  note           text        NOT NULL DEFAULT '',
  state          text        NOT NULL DEFAULT 'recorded' CHECK (state IN ('recorded', 'approved', 'invoiced')),
  invoice_number bigint      CHECK ((invoice_number IS NOT NULL) = (state = 'invoiced')),
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES project (tenant_id, id),
  FOREIGN KEY (tenant_id, invoice_number) REFERENCES invoice (tenant_id, number)
);
CREATE INDEX time_entry_project ON time_entry (tenant_id, project_id, state);

CREATE TABLE approval (
  tenant_id     text        NOT NULL,
  time_entry_id text        NOT NULL,
  approver      text        NOT NULL,
  approved_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, time_entry_id),
  FOREIGN KEY (tenant_id, time_entry_id) REFERENCES time_entry (tenant_id, id)
);

CREATE TABLE invoice_line (
  tenant_id      text    NOT NULL,
  invoice_number bigint  NOT NULL,
  line           integer NOT NULL,
  time_entry_id  text    NOT NULL,
  description    text    NOT NULL,
  minutes        integer NOT NULL,
  net_cents      bigint  NOT NULL,
  PRIMARY KEY (tenant_id, invoice_number, line),
  FOREIGN KEY (tenant_id, invoice_number) REFERENCES invoice (tenant_id, number)
);

-- The outbox. A job stands in the transaction that makes it due; workers claim it by tenant.
CREATE TABLE job (
  tenant_id  text        NOT NULL,
  id         bigint      GENERATED ALWAYS AS IDENTITY,
  kind       text        NOT NULL,
  payload    jsonb       NOT NULL,
  state      text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
  attempt    integer     NOT NULL DEFAULT 0,
  due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  done_at    timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX job_due ON job (due_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_invoice ON job (tenant_id, ((payload ->> 'invoice')));

-- Answers to writes that carried an Idempotency-Key.
CREATE TABLE request (
  tenant_id   text        NOT NULL,
  key         text        NOT NULL,
  fingerprint text        NOT NULL,
  status      integer,
  body        json,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);
