-- Run once, when the data directory is new. Every role may connect to these two, and make temporary tables there, unless
-- somebody says otherwise; a service's role has its own schema in its own database, and nothing else.
revoke all on database postgres, template1 from public;
