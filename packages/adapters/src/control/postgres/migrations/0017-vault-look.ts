/**
 * What an agent saw last of the restore points of a cell's stores and of their logs, where they lie: kept beside the log as a look at
 * standbys is (0015). A verdict that rested on it stands on the log, in words.
 */
export const vaultLook = `
create table headgate.vault_look (
  cell text collate "C" primary key,
  told_by text collate "C" not null,
  told_at bigint not null,
  vaults json not null
);
comment on table headgate.vault_look is 'What an agent saw last of the restore points of a cell''s stores, where they lie';
`;
