/**
 * When each agent was heard last, and its last word when it ended: kept beside the log, like who of the servers is there. It
 * is no decision and proves nothing; it says at once what the silence of observations says only minutes later.
 */
export const agentContact = `
create table headgate.agent_contact (
  agent text collate "C" primary key,
  heard_at bigint not null,
  ended_at bigint,
  stopped json not null default '[]'
);
comment on table headgate.agent_contact is 'When an agent was heard last, and since when it has ended, by its own word';
`;
