/**
 * What an agent saw last of the standbys of a cell's stores: kept beside the log, like when agents were heard. It changes with
 * every look and proves nothing; a verdict that rested on it stands on the log, in words.
 */
export const standbyLook = `
create table headgate.standby_look (
  cell text collate "C" primary key,
  told_by text collate "C" not null,
  told_at bigint not null,
  standbys json not null
);
comment on table headgate.standby_look is 'What an agent saw last of the standbys of a cell''s stores';
`;
