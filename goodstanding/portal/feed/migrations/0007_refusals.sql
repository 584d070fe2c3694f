-- How many refusals of each partner were read, for the operator; counted from the position in refusals_read on.
create table refusal_count (
    partner text not null,
    day     date not null,
    code    text not null,
    count   bigint not null,
    primary key (partner, day, code)
);
