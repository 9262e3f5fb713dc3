-- Everything the runbook asks PostgreSQL. Each can be pasted into psql when the runbook itself is in doubt.
-- "name: X" holds for every version that is spoken; "name: X since N" from major version N on. What
-- servers before 10 are asked instead stands in older.sql.

-- name: itself
select pg_is_in_recovery() as in_recovery,
       current_setting('server_version_num')::int as version,
       current_setting('data_directory') as data_directory,
       pg_backend_pid() as backend,
       (select system_identifier::text from pg_control_system()) as system_id,
       case when pg_is_in_recovery()
            then (select greatest(c.timeline_id, r.min_recovery_end_timeline,
                                  -- one that only connects (19) has received nothing: it names what it will ask for
                                  (select received_tli from pg_stat_wal_receiver where status <> 'connecting'))
                    from pg_control_checkpoint() c, pg_control_recovery() r)
            -- pg_control may still show the old timeline just after a promotion; the WAL file's name does not
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
       end as timeline,
       case when pg_is_in_recovery() then '0/0' else pg_current_wal_insert_lsn() end as written,
       coalesce(pg_last_wal_receive_lsn(), '0/0') as received,
       coalesce(pg_last_wal_replay_lsn(), '0/0') as replayed,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused,
       pg_postmaster_start_time()::text as started,
       -- who may not see what others do would find nobody that is in the way
       case when not pg_has_role('pg_read_all_stats', 'usage') then current_user::text else '' end as blind;

-- name: settings
select name,
       case when name = 'wal_segment_size' and unit <> 'B' -- but in pages, up to 10
            then (setting::bigint * substring(unit from '[0-9]+')::int * 1024)::text
            when name = 'primary_conninfo' -- somebody may have put a password there, which nobody needs to know
            then regexp_replace(setting, E'password\\s*=\\s*(''(\\\\.|[^''])*''|\\S+)', '', 'g')
            else setting end as setting,
       s.pending_restart as pending_restart
  from pg_settings s
 where name = any(%s);

-- name: senders
select r.pid as pid, coalesce(r.application_name, '') as application, coalesce(r.usename, '') as "user",
       coalesce(host(r.client_addr), '') as address, coalesce(r.state, '') as state,
       coalesce(r.sent_lsn, '0/0') as sent, coalesce(r.write_lsn, '0/0') as written,
       coalesce(r.flush_lsn, '0/0') as flushed, coalesce(r.replay_lsn, '0/0') as replayed,
       coalesce(extract(epoch from r.replay_lag), 0)::float as replay_lag, coalesce(r.sync_state, '') as sync_state,
       coalesce(s.slot_name::text, '') as slot, coalesce(s.slot_type, '') as kind
  from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
 order by r.pid;

-- name: receiver since 9.6
select status, '' as sender_host, 0 as sender_port, coalesce(slot_name, '') as slot from pg_stat_wal_receiver;

-- name: receiver since 11
select status, coalesce(sender_host, '') as sender_host, coalesce(sender_port, 0) as sender_port,
       coalesce(slot_name, '') as slot
  from pg_stat_wal_receiver;

-- name: walreceiver's process since 10
select pid from pg_stat_activity where backend_type = 'walreceiver';

-- name: slots since 9.4
select slot_name as name, slot_type as kind, active, restart_lsn as restart, '' as wal_status, s.temporary as temporary,
       coalesce(database::text, '') as database
  from pg_replication_slots s order by slot_name;

-- name: slots since 13
select slot_name as name, slot_type as kind, active, restart_lsn as restart, coalesce(wal_status, '') as wal_status,
       temporary, coalesce(database::text, '') as database
  from pg_replication_slots order by slot_name;

-- name: slots since 17
select slot_name as name, slot_type as kind, active, restart_lsn as restart, coalesce(wal_status, '') as wal_status,
       temporary, coalesce(database::text, '') as database, synced, failover
  from pg_replication_slots order by slot_name;

-- name: make a slot since 9.4
select pg_create_physical_replication_slot(%s, %s);

-- name: holdings
-- And whether the role that changes is a superuser: before 15 nothing less is enough. The other parameters are of later versions.
select coalesce((select array_agg(datname::text order by datname) from pg_database
                  where not datistemplate and datname <> 'postgres'), '{}') as databases,
       coalesce((select array_agg(spcname::text order by spcname) from pg_tablespace
                  where spcname not in ('pg_default', 'pg_global')), '{}') as tablespaces,
       r.oid is not null as there, coalesce(r.rolsuper, false) as superuser, '{}'::text[] as lacks
  from (select 1 where (%s, %s, %s, %s) is not null) one left join pg_roles r on rolname = %s;

-- name: holdings since 15
-- And what the role that changes lacks: a superuser nothing, and then nothing is looked up.
select coalesce((select array_agg(datname::text order by datname) from pg_database
                  where not datistemplate and datname <> 'postgres'), '{}') as databases,
       coalesce((select array_agg(spcname::text order by spcname) from pg_tablespace
                  where spcname not in ('pg_default', 'pg_global')), '{}') as tablespaces,
       r.oid is not null as there, coalesce(r.rolsuper, false) as superuser,
       case when r.rolsuper or r.oid is null then '{}' else array(
         select 'login' where not r.rolcanlogin
         union all select 'replication' where not r.rolreplication
         union all select 'connect on database ' || quote_ident(current_database())
                    where not has_database_privilege(r.oid, current_database(), 'connect')
         union all select rolname::text from pg_roles
                    where rolname = any(%s::text[]) and not pg_has_role(r.oid, oid, 'usage')
         union all select 'execute on function ' || f from unnest(%s::text[]) f
                    where not has_function_privilege(r.oid, to_regprocedure(f), 'execute')
         union all select 'select on ' || t from unnest(%s::text[]) t
                    where not has_table_privilege(r.oid, to_regclass(t), 'select')
         union all select 'alter system on parameter ' || p from unnest(%s::text[]) p
                    where not has_parameter_privilege(r.oid, p, 'alter system'))
       end as lacks
  from (select 1) one left join pg_roles r on rolname = %s;

-- name: timelines
select timeline_id as told,
       ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as now
  from pg_control_checkpoint() c;

-- name: waits for a standby
-- before 9.1 there is no such setting
select exists(select 1 from pg_settings where name = 'synchronous_standby_names' and setting <> '') as so;

-- name: begin a backup
select pg_start_backup(%s, true, false);

-- name: begin a backup since 15
select pg_backup_start(%s, true);

-- name: end a backup
select labelfile from pg_stop_backup(false);

-- name: end a backup since 10
select labelfile from pg_stop_backup(false, false);

-- name: end a backup since 15
select labelfile from pg_backup_stop(false);

-- name: size
select coalesce(sum(pg_database_size(oid)), 0)::bigint as size from pg_database;

-- name: wal size
select coalesce(sum(size), 0)::bigint as size from pg_ls_waldir() w;

-- name: tablespaces
select t.oid::text as oid, t.spcname::text as name, pg_tablespace_size(t.oid)::bigint as size,
       'PG_' || current_setting('server_version_num')::int / 10000 || '_' || c.catalog_version_no as version
  from pg_tablespace t, pg_control_system() c
 order by t.oid;

-- name: role
select rolreplication as replication from pg_roles where rolname = %s;

-- name: hba since 10
select count(*) as lines
  from pg_hba_file_rules
 where %s = any(database) and %s = any(user_name) and address = %s and error is null and auth_method <> 'reject';

-- name: how others come in since 10
-- our own lines say nothing of what the operator wants
select current_setting('password_encryption') as stored,
       current_setting('ssl') = 'on' and coalesce(bool_and(type = 'hostssl'), false) as only_tls
  from pg_hba_file_rules
 where left(type, 4) = 'host' and error is null and auth_method <> 'reject' and not %s = any(user_name)
   and address not in ('127.0.0.1', '::1', 'localhost', 'samehost');

-- name: hba errors since 10
select line_number, error from pg_hba_file_rules where error is not null;

-- name: failover slots since 17
-- from 17 on: before, no slot has the word, and nobody else need be asked
select not pg_is_in_recovery() as surely,
       exists(select 1 from pg_replication_slots s where slot_type = 'logical' and to_jsonb(s)->>'failover' = 'true') as there;

-- name: positions
select coalesce(pg_last_wal_receive_lsn(), '0/0') as received, coalesce(pg_last_wal_replay_lsn(), '0/0') as replayed,
       pg_is_in_recovery() as in_recovery;

-- name: replayed past since 9.4
-- Waits on the server itself, a millisecond a turn and at most so many turns, until the goal is reached: one round trip,
-- however far away whoever asks is. The sleep leans on the turn, or it would be done only once, and is told to be shorter
-- than the millisecond that it takes: told that, it takes two.
with recursive looks (turn, at) as (
  select 0, pg_last_wal_replay_lsn()
   union all
  select turn + 1, pg_last_wal_replay_lsn() from looks, lateral pg_sleep(case when turn >= 0 then 0.0005 end)
   where at < %s and turn < %s
)
select coalesce(at, '0/0')::text as replayed from looks order by turn desc limit 1;

-- name: replayed past, and the record there since 9.4
-- The same, and bytes of this node's own WAL: file, offset, count. Who may not read files asks without them.
with recursive looks (turn, at) as (
  select 0, pg_last_wal_replay_lsn()
   union all
  select turn + 1, pg_last_wal_replay_lsn() from looks, lateral pg_sleep(case when turn >= 0 then 0.0005 end)
   where at < %s and turn < %s
), last as (
  select at from looks order by turn desc limit 1
)
select coalesce(at, '0/0')::text as replayed, pg_read_binary_file(%s, %s, %s, true) as found from last;

-- name: replayed past, and the record there since 19
-- What waits has no snapshot: a vacuum's record that was to be replayed meanwhile held the one above for 129 ms, this for
-- 0.1 (medians of 60 turns about, on 19beta3). Whatever it says of its waiting, the position is what counts.
wait for lsn %s with (timeout %s, no_throw);
select coalesce(pg_last_wal_replay_lsn(), '0/0')::text as replayed, pg_read_binary_file(%s, %s, %s, true) as found;

-- name: promote
-- Before 12 pg_ctl has asked for it: one look. The parameters are those of later versions.
select case when pg_is_in_recovery() then 'recovering' else 'writable' end as state, (%s)::int as turn
 where (%s, %s) is not null;

-- name: promote since 12
-- Asks for it, if it is told to, and waits on the server itself until it is writable, a millisecond a turn and at most
-- so many turns: one round trip. It comes back sooner where the startup process still waits as it does in recovery, or
-- where nobody may see what it waits for; looked at from a turn on, and every ten.
with recursive looks (turn, state) as (
  select 0, case when not pg_is_in_recovery() then 'writable'
                 when not %s or pg_promote(wait => false) then 'recovering' else 'refused' end
   union all
  select turn + 1,
         case when not pg_is_in_recovery() then 'writable'
              when turn >= %s and mod(turn, 10) = 5
                   and coalesce((select left(coalesce(wait_event, ''), 8) = 'Recovery' from pg_stat_activity
                                  where backend_type = 'startup' and turn >= 0 limit 1), true) then 'asleep'
              else 'recovering' end
    from looks, lateral pg_sleep(case when turn >= 0 then 0.0005 end)
   where state = 'recovering' and turn < %s
)
select state, turn from looks order by turn desc limit 1;

-- name: lag here
-- As this node sees it, whatever it is: how far ahead it is of what is replayed, on its standby of a name or on itself.
select pg_is_in_recovery() as in_recovery,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), '0/0') else pg_current_wal_lsn() end as ahead,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0')
            else coalesce(replay_lsn, '0/0') end as replayed,
       case when not pg_is_in_recovery() then coalesce(extract(epoch from r.replay_lag), 0)
            when coalesce(pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(), true) then 0
            else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) end::float
       as seconds
  from (select 1) one left join pg_stat_replication r on application_name = %s
 order by r.pid limit 1;

-- name: startup process since 10
-- without pg_read_all_stats there is no such row: what a process is, is hidden, too
select coalesce(wait_event, '') as waits_for from pg_stat_activity where backend_type = 'startup';

-- name: transactions to drain
select a.pid as pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database, coalesce(a.state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age, xact_start::text as begun,
       upper(split_part(btrim(a.query), ' ', 1)) as command
  from pg_stat_activity a
 where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and xact_start is not null
   and (clock_timestamp() - xact_start > %s * interval '1 second' or substr(a.state, 1, 19) = 'idle in transaction')
   and a.state is distinct from 'starting'
 order by xact_start;

-- name: sessions of clients
select a.pid as pid, usename as role, application_name as application, host(client_addr) as address, client_port as port
  from pg_stat_activity a
 where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and application_name not like 'pgha%'
   and a.state is distinct from 'starting'
 order by a.pid;

-- name: still open
select a.pid as pid from pg_stat_activity a where a.pid = %s and xact_start = %s::timestamptz;

-- name: end a session
select pg_terminate_backend(a.pid) from pg_stat_activity a where a.pid = %s and xact_start = %s::timestamptz;

-- name: databases to ask
select oid::bigint as oid, datname::text as name from pg_database where datallowconn order by datname;

-- name: relations of files since 9.4
select w.tablespace::bigint as tablespace, w.filenode::bigint as filenode, n.nspname::text as schema,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind::text as kind
  from unnest(%s::oid[], %s::oid[]) as w (tablespace, filenode)
  join pg_class c on c.oid = pg_filenode_relation(w.tablespace, w.filenode)
  join pg_namespace n on n.oid = c.relnamespace;

-- name: bytes of a file
select pg_read_binary_file(%s, %s, %s, true) as found;

-- name: last commit replayed
select to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at;

-- name: may rewind since 11
select bool_and(has_function_privilege(%s, f, 'execute')) as so
  from unnest(%s::text[]) as f;

-- name: own tablespaces
select oid::text as oid, spcname::text as name from pg_tablespace where oid > 16383;

-- name: how it was built since 11
-- the size of a segment of WAL is the cluster's
select name, setting from pg_settings where name in ('block_size', 'wal_block_size', 'segment_size');
