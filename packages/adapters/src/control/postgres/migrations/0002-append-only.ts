/**
 * What was written stays. The application's role has no right to change these tables, and the triggers stop their owner
 * too, who must first drop a trigger, which is no accident.
 */
const PROTECTED = ['entry', 'log_leaf', 'log_node', 'log_head', 'blob'];

export const appendOnly = `
create function headgate.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'headgate.% is append-only: % refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end $$;
create function headgate.refuse_lower_epoch() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or new.epoch < old.epoch then
    raise exception 'the epoch never goes back' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger epoch_rises before update or delete on headgate.meta
  for each row execute function headgate.refuse_lower_epoch();
${PROTECTED.map(
  (table) => `create trigger append_only before update or delete or truncate on headgate.${table}
  for each statement execute function headgate.refuse_change();`,
).join('\n')}
`;
