-- What the command line computes hints from: a person as known now (services/scorer/core/reasons/hints.py).
create view present as
select shard, user_id, state, run, contacts, influence, stability
from person;
