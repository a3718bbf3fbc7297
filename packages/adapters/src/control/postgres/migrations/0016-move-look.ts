/**
 * What an agent told last of the data that is being moved in a cell's stores: counts, kept beside the log as a look at standbys
 * is (0015). A verdict that rested on it stands on the log, in words.
 */
export const moveLook = `
create table headgate.move_look (
  cell text collate "C" primary key,
  told_by text collate "C" not null,
  told_at bigint not null,
  moves json not null
);
comment on table headgate.move_look is 'What an agent told last of the data that is being moved in a cell''s stores';
`;
