-- Three roles for each owner: NAME_migrate owns the database and changes its tables, NAME is the service's, and NAME_read
-- reads, also from replicas. None has a password yet. What the service may do to which table is granted by its command
-- `migrate`. For an administrator of the server, once.
do $$
declare
  owner text;
  suffix text;
begin
  foreach owner in array array['identity', 'groups', 'grants', 'tokens'] loop
    foreach suffix in array array['', '_migrate', '_read'] loop
      execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication', 'portcullis_' || owner || suffix);
    end loop;
  end loop;
end
$$;
