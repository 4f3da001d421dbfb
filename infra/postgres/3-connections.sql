-- Nobody but an owner's roles may connect to its database, or make even temporary tables there.
do $$
declare
  owner text;
begin
  foreach owner in array array['identity', 'groups', 'grants', 'tokens'] loop
    execute format('revoke all on database %I from public', 'portcullis_' || owner);
    execute format('grant connect on database %I to %I, %I', 'portcullis_' || owner,
      'portcullis_' || owner, 'portcullis_' || owner || '_read');
  end loop;
end
$$;
