-- An edition never comes again: whoever is back after an erasure is not taken for who was erased.
create sequence editions;
select setval('editions', coalesce(max(edition), 1)) from person;
alter table person alter column edition set default nextval('editions');
