-- What is asked about the canary's table, and of the clients' own road. See queries.sql.

-- name: canary's table
-- for the role that is named, whoever asks; who may not use a schema is not told by name what is in it
with room as (select oid from pg_namespace where nspname = 'pgha'),
     it as (select c.oid, room.oid as room from pg_class c join room on c.relnamespace = room.oid where c.relname = 'canary')
select current_database() as database, date_part('epoch', pg_postmaster_start_time()) as started,
       me.name as "user", coalesce(r.rolsuper, false) as may_make,
       exists (select 1 from pg_roles where rolname = 'pgha_canary') as role,
       exists (select 1 from room) as schema, exists (select 1 from it) as there,
       coalesce((select has_schema_privilege(w.oid, it.room, 'usage')
                        and has_table_privilege(w.oid, it.oid, 'insert') and pg_has_role(r.oid, w.oid, 'member')
                   from pg_roles w, it where w.rolname = 'pgha_canary'), false) as ready
  from (select %s::text as name) me left join pg_roles r on r.rolname = me.name;

-- name: canary's strangers since 10
-- Whatever is not as we make it, and could have somebody's code executed by whoever writes a row; or would let such be
-- put there later. A database's owner may have made schema and table before us.
with room as (select oid, nspowner as owner, nspacl as acl from pg_namespace where nspname = 'pgha'),
     it as (select c.oid, c.relowner, c.relacl, c.relkind, c.relpersistence, c.relrowsecurity, c.relispartition
              from pg_class c join room on c.relnamespace = room.oid where c.relname = 'canary'),
     plain as (select oid, rolname from pg_roles where not rolsuper union all select 0, 'PUBLIC')
select 'schema pgha belongs to ' || plain.rolname as words from room join plain on plain.oid = room.owner
union all
select plain.rolname || ' may make objects in schema pgha'
  from room, aclexplode(room.acl) a join plain on plain.oid = a.grantee where a.privilege_type = 'CREATE'
union all
select 'the table belongs to ' || plain.rolname from it join plain on plain.oid = it.relowner
union all
select plain.rolname || ' may do more with the table than write: ' || string_agg(a.privilege_type, ', ')
  from it, aclexplode(it.relacl) a join plain on plain.oid = a.grantee
 where a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') group by plain.rolname
union all
select 'it is no plain table' from it
 where it.relkind <> 'r' or it.relpersistence <> 'p' or it.relrowsecurity or it.relispartition
    or exists (select 1 from pg_inherits where it.oid in (inhrelid, inhparent))
union all
select 'trigger ' || t.tgname from pg_trigger t join it on it.oid = t.tgrelid
union all
select 'rule ' || r.rulename from pg_rewrite r join it on it.oid = r.ev_class
union all
select 'constraint ' || c.conname from pg_constraint c join it on it.oid = c.conrelid where c.contype not in ('p', 'n')
union all
select 'index ' || i.indexrelid::regclass from pg_index i join it on it.oid = i.indrelid
 where i.indexprs is not null or i.indpred is not null
union all
select 'column ' || a.attname || ' is ' || made.words
  from it join pg_attribute a on a.attrelid = it.oid and a.attnum > 0 and not a.attisdropped
       left join pg_attrdef d on d.adrelid = it.oid and d.adnum = a.attnum,
       lateral (select format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
                       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as words) as made
 where (a.attname::text, made.words) not in (('run', 'text not null'), ('seq', 'bigint not null'),
       ('at', 'timestamp with time zone not null default clock_timestamp()'))
union all
select 'role pgha_canary may do more than it should' from pg_roles r
 where r.rolname = 'pgha_canary' and (r.rolsuper or r.rolcanlogin or r.rolcreaterole or r.rolcreatedb
       or r.rolreplication or r.rolbypassrls or exists (select 1 from pg_auth_members where member = r.oid));

-- name: canary's grantees
-- of a table that was just made: nobody was meant to be one
select distinct coalesce(r.rolname::text, 'public') as name
  from (select relacl, relowner from pg_class where oid = to_regclass('pgha.canary')
        union all select nspacl, nspowner from pg_namespace where nspname = 'pgha') as it (acl, owner),
       aclexplode(it.acl) a left join pg_roles r on r.oid = a.grantee
 where a.grantee <> it.owner;

-- name: lack the canary's table
-- those of the named roles that may not write and delete its rows
select rolname::text as name from pg_roles
 where rolname = any(%s)
   and not (has_schema_privilege(oid, 'pgha', 'usage')
            and (select bool_and(has_table_privilege(pg_roles.oid, 'pgha.canary', needed))
                   from unnest(array['select', 'insert', 'delete']) as needed));

-- name: road's end
-- Asked through whatever the clients go through. A pooler lets no session pin its search_path: every name is qualified,
-- no operator is used, and no type is named.
select pg_catalog.current_database() as database, current_user as "user",
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as started,
       pg_catalog.pg_is_in_recovery() as in_recovery,
       pg_catalog.current_setting('transaction_read_only') as read_only,
       (select system_identifier from pg_catalog.pg_control_system()) as system_id;

-- name: canary's rows
select seq from pgha.canary where run = %s;
