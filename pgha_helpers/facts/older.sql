-- What is asked of servers before 10, in the columns of queries.sql and survey.sql: those have the forms since 10.
-- Names that only changed with 10 (xlog, location) are spelled by the table in model/dialect.py. What no SQL tells
-- there, the node's shell tells, or nobody: then nothing is made up.

-- name: itself
select pg_is_in_recovery() as in_recovery,
       current_setting('server_version_num')::int as version,
       current_setting('data_directory') as data_directory,
       pg_backend_pid() as backend,
       '' as system_id, -- the control file's, by the shell
       case when pg_is_in_recovery() then 0
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline,
       case when pg_is_in_recovery() then '0/0' else pg_current_wal_insert_lsn()::text end as written,
       coalesce(pg_last_wal_receive_lsn()::text, '0/0') as received,
       coalesce(pg_last_wal_replay_lsn()::text, '0/0') as replayed,
       false as replay_paused,
       pg_postmaster_start_time()::text as started,
       case when current_setting('is_superuser') = 'on' then '' else current_user::text end as blind;

-- name: itself since 9.1
select pg_is_in_recovery() as in_recovery,
       current_setting('server_version_num')::int as version,
       current_setting('data_directory') as data_directory,
       pg_backend_pid() as backend,
       '' as system_id,
       case when pg_is_in_recovery() then 0
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline,
       case when pg_is_in_recovery() then '0/0' else pg_current_wal_insert_lsn()::text end as written,
       coalesce(pg_last_wal_receive_lsn()::text, '0/0') as received,
       coalesce(pg_last_wal_replay_lsn()::text, '0/0') as replayed,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused,
       pg_postmaster_start_time()::text as started,
       case when current_setting('is_superuser') = 'on' then '' else current_user::text end as blind;

-- name: itself since 9.6
select pg_is_in_recovery() as in_recovery,
       current_setting('server_version_num')::int as version,
       current_setting('data_directory') as data_directory,
       pg_backend_pid() as backend,
       (select system_identifier::text from pg_control_system()) as system_id,
       case when pg_is_in_recovery()
            then (select greatest(c.timeline_id, r.min_recovery_end_timeline,
                                  (select received_tli from pg_stat_wal_receiver))
                    from pg_control_checkpoint() c, pg_control_recovery() r)
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline,
       case when pg_is_in_recovery() then '0/0' else pg_current_wal_insert_lsn()::text end as written,
       coalesce(pg_last_wal_receive_lsn()::text, '0/0') as received,
       coalesce(pg_last_wal_replay_lsn()::text, '0/0') as replayed,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused,
       pg_postmaster_start_time()::text as started,
       case when current_setting('is_superuser') = 'on' then '' else current_user::text end as blind;

-- name: settings
-- sizes of WAL segments are told in pages
select name, case when name = 'wal_segment_size' then (setting::bigint * 8192)::text else setting end as setting,
       false as pending_restart
  from pg_settings
 where name = any(%s);

-- name: settings since 9.5
select name, case when name = 'wal_segment_size' then (setting::bigint * 8192)::text else setting end as setting,
       pending_restart
  from pg_settings
 where name = any(%s);

-- name: senders
-- by the titles of their processes
select 0 as pid where false;

-- name: senders since 9.1
select procpid as pid, coalesce(application_name, '') as application, coalesce(usename::text, '') as "user",
       coalesce(host(client_addr), '') as address, coalesce(state, '') as state,
       coalesce(sent_lsn, '0/0') as sent, coalesce(write_lsn, '0/0') as written,
       coalesce(flush_lsn, '0/0') as flushed, coalesce(replay_lsn, '0/0') as replayed,
       0::float as replay_lag, coalesce(sync_state, '') as sync_state, '' as slot, '' as kind
  from pg_stat_replication order by procpid;

-- name: senders since 9.2
select pid, coalesce(application_name, '') as application, coalesce(usename::text, '') as "user",
       coalesce(host(client_addr), '') as address, coalesce(state, '') as state,
       coalesce(sent_lsn, '0/0') as sent, coalesce(write_lsn, '0/0') as written,
       coalesce(flush_lsn, '0/0') as flushed, coalesce(replay_lsn, '0/0') as replayed,
       0::float as replay_lag, coalesce(sync_state, '') as sync_state, '' as slot, '' as kind
  from pg_stat_replication order by pid;

-- name: senders since 9.5
select r.pid, coalesce(r.application_name, '') as application, coalesce(r.usename::text, '') as "user",
       coalesce(host(r.client_addr), '') as address, coalesce(r.state, '') as state,
       coalesce(r.sent_lsn, '0/0') as sent, coalesce(r.write_lsn, '0/0') as written,
       coalesce(r.flush_lsn, '0/0') as flushed, coalesce(r.replay_lsn, '0/0') as replayed,
       0::float as replay_lag, coalesce(r.sync_state, '') as sync_state,
       coalesce(s.slot_name::text, '') as slot, coalesce(s.slot_type, '') as kind
  from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
 order by r.pid;

-- name: receiver
-- by the title of its process
select '' as status where false;

-- name: walreceiver's process
-- the shell tells it by its title
select 0 as pid where false;

-- name: slots
select '' as name where false;

-- name: slots since 9.4
select slot_name as name, slot_type as kind, active, restart_lsn as restart, '' as wal_status, false as temporary,
       coalesce(database::text, '') as database
  from pg_replication_slots order by slot_name;

-- name: make a slot
-- it keeps WAL from its first use on
select pg_create_physical_replication_slot(%s) where %s is not null;

-- name: begin a backup
select pg_start_backup(%s, true);

-- name: label of a backup
select pg_read_file(file, 0, 100000) as label from pg_ls_dir('.') as file where file = 'backup_label';

-- name: end a backup
select '' as labelfile, '' as spcmapfile, pg_stop_backup()::text as at;

-- name: timelines
-- the control file's, the shell tells
select null::int as told, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as now;

-- name: waits for a standby
select false as so;

-- name: tablespaces
-- catalog versions are those of the releases
select t.oid::text as oid, t.spcname::text as name, t.spclocation as location, pg_tablespace_size(t.oid)::bigint as size,
       case substr(version(), 12, 3) when '9.0' then 'PG_9.0_201008051' else 'PG_9.1_201105231' end as version
  from pg_tablespace t order by t.oid;

-- name: tablespaces since 9.2
select t.oid::text as oid, t.spcname::text as name, pg_tablespace_location(t.oid) as location,
       pg_tablespace_size(t.oid)::bigint as size,
       case substr(version(), 12, 3) when '9.2' then 'PG_9.2_201204301' when '9.3' then 'PG_9.3_201306121'
            when '9.4' then 'PG_9.4_201409291' when '9.5' then 'PG_9.5_201510051' else 'PG_9.6_201608131' end as version
  from pg_tablespace t order by t.oid;

-- name: wal size
select coalesce(sum((pg_stat_file('pg_wal/' || file)).size), 0)::bigint as size from pg_ls_dir('pg_wal') as file;

-- name: hba errors
-- the log alone tells them
select 0 as line_number, '' as error where false;

-- name: role
-- a superuser may replicate, and nobody else
select rolsuper as replication from pg_roles where rolname = %s;

-- name: hba
-- there is no view of it: the file is read
select null::int as lines where (%s, %s, %s) is not null;

-- name: how others come in
select 'md5' as stored, false as only_tls where %s is not null;

-- name: failover slots
select true as surely, false as there;

-- name: replayed past
-- one look: there is nothing that would wait there
select coalesce(pg_last_wal_replay_lsn()::text, '0/0') as replayed where (%s, %s) is not null;

-- name: replayed past, and the record there
select coalesce(pg_last_wal_replay_lsn()::text, '0/0') as replayed, null::bytea as found
 where (%s, %s, %s, %s, %s) is not null;

-- name: lag here
-- the primary of 9.0 knows nothing of its standby
select pg_is_in_recovery() as in_recovery,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), '0/0') else pg_current_wal_lsn() end as ahead,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else '0/0' end as replayed,
       0::float as seconds
 where %s::text is not null;

-- name: lag here since 9.1
select pg_is_in_recovery() as in_recovery,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), '0/0') else pg_current_wal_lsn() end as ahead,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0')
            else coalesce(replay_lsn, '0/0') end as replayed,
       case when not pg_is_in_recovery() then 0
            when coalesce(pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(), true) then 0
            else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) end::float
       as seconds
  from (select 1) one left join pg_stat_replication on application_name = %s
 limit 1;

-- name: startup process
select '' as waits_for where false;

-- name: transactions to drain
select procpid as pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database,
       case current_query when '<IDLE> in transaction' then 'idle in transaction' else 'active' end as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age, xact_start::text as begun,
       upper(split_part(btrim(current_query), ' ', 1)) as command
  from pg_stat_activity
 where procpid <> pg_backend_pid() and xact_start is not null
   and (clock_timestamp() - xact_start > %s * interval '1 second' or current_query = '<IDLE> in transaction')
 order by xact_start;

-- name: transactions to drain since 9.2
select pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database, coalesce(state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age, xact_start::text as begun,
       upper(split_part(btrim(query), ' ', 1)) as command
  from pg_stat_activity
 where pid <> pg_backend_pid() and xact_start is not null
   and (clock_timestamp() - xact_start > %s * interval '1 second' or substr(state, 1, 19) = 'idle in transaction')
 order by xact_start;

-- name: sessions of clients
-- walsenders are not among them
select procpid as pid, usename as role, application_name as application, host(client_addr) as address,
       client_port as port
  from pg_stat_activity
 where procpid <> pg_backend_pid() and application_name not like 'pgha%' order by procpid;

-- name: sessions of clients since 9.2
select pid, usename as role, application_name as application, host(client_addr) as address, client_port as port
  from pg_stat_activity
 where pid <> pg_backend_pid() and application_name not like 'pgha%' order by pid;

-- name: still open
select procpid as pid from pg_stat_activity where procpid = %s and xact_start = %s::timestamptz;

-- name: end a session
select pg_terminate_backend(procpid) from pg_stat_activity where procpid = %s and xact_start = %s::timestamptz;

-- name: relations of files
select 0::bigint as tablespace where false and (%s::oid[], %s::oid[]) is not null;

-- name: bytes of a file
select null::bytea as found where (%s, %s, %s) is not null;

-- name: last commit replayed
select ''::text as at;

-- name: transactions
select procpid as pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database,
       case current_query when '<IDLE> in transaction' then 'idle in transaction' else 'active' end as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age, 0 as xmin_age
  from pg_stat_activity
 where procpid <> pg_backend_pid() and xact_start is not null
 order by xact_start limit 100;

-- name: transactions since 9.2
select pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database, coalesce(state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age, 0 as xmin_age
  from pg_stat_activity
 where pid <> pg_backend_pid() and xact_start is not null
 order by xact_start limit 100;

-- name: base backups
select 0 as pid, '' as application,
       'an exclusive one, ' || split_part(split_part(pg_read_file(file, 0, 100000), 'LABEL: ', 2), chr(10), 1) as phase
  from pg_ls_dir('.') as file where file = 'backup_label' and not pg_is_in_recovery();

-- name: base backups since 9.2
select pid, coalesce(application_name, '') as application, 'streaming'::text as phase
  from pg_stat_replication where state = 'backup'
union all
select 0, '', 'an exclusive one, ' || split_part(split_part(pg_read_file(file, 0, 100000), 'LABEL: ', 2), chr(10), 1)
  from pg_ls_dir('.') as file where file = 'backup_label' and not pg_is_in_recovery();

-- name: archiver
-- what waits to be archived, the shell tells
select current_setting('archive_mode') as mode, '' as last_archived, '' as last_failed, false as failing;

-- name: logical slots
select '' as name where false;

-- name: logical slots since 9.4
select slot_name::text as name, coalesce(plugin::text, '') as plugin, coalesce(database::text, '') as database, active
  from pg_replication_slots where slot_type = 'logical' order by slot_name;

-- name: given at the start
-- the server says that of what it has chosen itself
select name, setting from pg_settings
 where source in ('command line', 'environment variable')
   and name not in ('log_timezone', 'TimeZone', 'timezone_abbreviations', 'max_stack_depth');

-- name: as it would start
-- what the files say is not told without a start
select name, setting, source in ('command line', 'environment variable') as changes
  from pg_settings
 where name = any(%s) or source in ('command line', 'environment variable');

-- name: waiting
select '' as name where false;

-- name: who is let in
select '' as rule, null::text as wrong where false;

-- name: misset
select '' as name, '' as place where false;

-- name: hasty
select 'fsync is off' as words where current_setting('fsync') = 'off'
union all
select 'full_page_writes is off' where current_setting('full_page_writes') = 'off'
union all
select 'synchronous_commit is off' || coalesce(' for role ' || r.rolname, '') || coalesce(' in database ' || d.datname, '')
  from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
 where 'synchronous_commit=off' = any(s.setconfig)
 order by 1;

-- name: pace
-- how long ago the last checkpoint was, only the control file tells
select 0::bigint as transactions, 0::bigint as bytes, 0::float as seconds;

-- name: reads
select '' as pause, 0::bigint as conflicts, 0 as standby_xmin_age;

-- name: reads since 9.1
select '' as pause,
       (select coalesce(sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock), 0)::bigint
          from pg_stat_database_conflicts) as conflicts,
       0 as standby_xmin_age;

-- name: databases
select datname::text as name,
       case when has_database_privilege(oid, 'connect') then ''
            else 'grant connect on database ' || quote_ident(datname) || ' to ' || quote_ident(current_user) || ';' end
       as lacks
  from pg_database where datallowconn and not datistemplate order by datname;

-- name: in a database
-- before 10 no hash index is in WAL; 9.0 has neither unlogged tables nor extensions
select 'hash index ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_am a on a.oid = c.relam
 where a.amname = 'hash' and c.relkind = 'i'
 order by 1;

-- name: in a database since 9.1
select case c.relkind when 'i' then 'hash index ' else '' end || format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_am a on a.oid = c.relam
 where c.relpersistence = 'u' and c.relkind = 'r' or a.amname = 'hash' and c.relkind = 'i'
 order by 1;

-- name: missing extensions
select ''::text as name where false;

-- name: sizes of unlogged tables
select ''::text as name, 0::bigint as size where false;

-- name: road's end
select pg_catalog.current_database() as database, current_user as "user",
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as started,
       pg_catalog.pg_is_in_recovery() as in_recovery,
       pg_catalog.current_setting('transaction_read_only') as read_only, '' as system_id;

-- name: canary's strangers
-- there is no canary before 10
select 'before PostgreSQL 10 nobody looks what hangs on it' as words;

-- name: may rewind
-- only a superuser may, whatever was granted
select false as so where (%s, %s::text[]) is not null;

-- name: how it was built
select name, setting from pg_settings
 where name in ('block_size', 'wal_block_size', 'segment_size', 'wal_segment_size');
