import { randomUUID } from 'node:crypto';
import type { Database, Row } from './database.ts';
import type { Fields } from './fields.ts';
import type { Answer } from './idempotency.ts';
import { badRequest, conflict, notFound } from './problem.ts';

interface TimeEntryRow extends Row {
  id: string;
  project_id: string;
  person: string;
  day: string;
  minutes: number;
  note: string;
  state: string;
  invoice_number: bigint | null;
}

const COLUMNS = 'id, project_id, person, day, minutes, note, state, invoice_number';

function toJson(row: TimeEntryRow) {
  return {
    id: row.id,
    project: row.project_id,
    person: row.person,
    day: row.day,
    minutes: row.minutes,
    note: row.note,
    state: row.state,
    invoice: row.invoice_number === null ? null : Number(row.invoice_number),
  };
}

/** Records time on a project. `person` is a pseudonym; names live elsewhere. */
export async function recordTime(database: Database, tenant: string, fields: Fields): Promise<Answer> {
  fields.only('project', 'person', 'day', 'minutes', 'note');
  const project = fields.text('project', 64);
  const values = [
    fields.text('person', 64),
    fields.day('day'),
    fields.integer('minutes', 1, 1440),
    fields.optionalText('note', 500) ?? '',
  ];
  const { rows } = await database.query<TimeEntryRow>(
    `INSERT INTO time_entry (tenant_id, id, project_id, person, day, minutes, note)
     SELECT p.tenant_id, $3, p.id, $4, $5, $6, $7 FROM project p WHERE p.tenant_id = $1 AND p.id = $2
     RETURNING ${COLUMNS}`,
    [tenant, project, `tim-${randomUUID()}`, ...values],
  );
  const row = rows[0];
  if (row === undefined) throw badRequest('"project" must be the id of a project of this tenant');
  return { status: 201, body: toJson(row) };
}

/** Approves recorded time, so that the next invoice bills it. Approving it again changes nothing. */
export async function approveTime(database: Database, tenant: string, id: string, fields: Fields): Promise<Answer> {
  fields.only('approver');
  const approver = fields.text('approver', 64);
  const { rows } = await database.query<TimeEntryRow>(
    `SELECT ${COLUMNS} FROM time_entry WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
    [tenant, id],
  );
  const row = rows[0];
  if (row === undefined) throw notFound(`time entry ${id}`);
  if (row.state === 'invoiced') throw conflict('this time entry is on an invoice already');
  if (row.person === approver) throw conflict('nobody approves their own time');
  if (row.state === 'recorded') {
    await database.query(`UPDATE time_entry SET state = 'approved' WHERE tenant_id = $1 AND id = $2`, [tenant, id]);
    await database.query(`INSERT INTO approval (tenant_id, time_entry_id, approver) VALUES ($1, $2, $3)`, [
      tenant,
      id,
      approver,
    ]);
  }
  return { status: 200, body: { ...toJson(row), state: 'approved' } };
}

/** A page of a project's time entries, by id. */
export async function listTime(database: Database, tenant: string, project: string, after: string, limit: number) {
  const { rows } = await database.query<TimeEntryRow>(
    `SELECT ${COLUMNS} FROM time_entry WHERE tenant_id = $1 AND project_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
    [tenant, project, after, limit],
  );
  return rows.map(toJson);
}
