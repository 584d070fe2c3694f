-- Whose record it was of the person's providers: a keyed hash of both, so that what one partner leaves behind takes no
-- room from another. Null for what was left before this was known.
alter table fingerprint add column partner bytea;
