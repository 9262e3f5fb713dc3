-- What is asked of servers before 10, in the columns of queries.sql and survey.sql: those have the forms since 10.
-- Names that only changed (xlog, procpid) are spelled by the table in model/dialect.py. What no SQL tells there, the
-- node's shell tells, or nobody: then nothing is made up.

-- name: senders | receiver | walreceiver's process | startup process
-- the titles of their processes tell, by the shell
select 0 as pid where false;

-- name: slots | logical slots | waiting | misset | hba errors | who is let in | missing extensions | sizes of unlogged tables
select '' as name where false;

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
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused,
       pg_postmaster_start_time()::text as started,
       case when not pg_has_role('pg_read_all_stats', 'usage') then current_user::text else '' end as blind;

-- name: settings
-- sizes of WAL segments are told in pages
select name, case when name = 'wal_segment_size' then (setting::bigint * 8192)::text else setting end as setting,
       s.pending_restart as pending_restart
  from pg_settings s
 where name = any(%s);

-- name: senders since 9.1
select r.pid as pid, coalesce(application_name, '') as application, coalesce(usename::text, '') as "user",
       coalesce(host(client_addr), '') as address, coalesce(state, '') as state,
       coalesce(sent_lsn, '0/0') as sent, coalesce(write_lsn, '0/0') as written,
       coalesce(flush_lsn, '0/0') as flushed, coalesce(replay_lsn, '0/0') as replayed,
       null::float as replay_lag, coalesce(sync_state, '') as sync_state, '' as slot, '' as kind
  from pg_stat_replication r order by r.pid;

-- name: make a slot
-- it keeps WAL from its first use on
select pg_create_physical_replication_slot(%s) where %s is not null;

-- name: begin a backup
select pg_start_backup(%s, true);

-- name: label of a backup
select pg_read_file(file, 0, 100000) as label from pg_ls_dir('.') as file where file = 'backup_label';

-- name: end a backup
select '' as labelfile, pg_stop_backup()::text as at;

-- name: timelines
-- the control file's, the shell tells
select null::int as told, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as now;

-- name: tablespaces
-- catalog versions are those of the releases
select t.oid::text as oid, t.spcname::text as name, pg_tablespace_size(t.oid)::bigint as size,
       case substr(version(), 12, 3) when '9.0' then 'PG_9.0_201008051' when '9.1' then 'PG_9.1_201105231'
            when '9.2' then 'PG_9.2_201204301' when '9.3' then 'PG_9.3_201306121' when '9.4' then 'PG_9.4_201409291'
            when '9.5' then 'PG_9.5_201510051' else 'PG_9.6_201608131' end as version
  from pg_tablespace t order by t.oid;

-- name: wal size
select coalesce(sum((pg_stat_file('pg_wal/' || file)).size), 0)::bigint as size from pg_ls_dir('pg_wal') as file;

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
-- the primary of 9.0 knows nothing of its standby, and its standby no times
select pg_is_in_recovery() as in_recovery,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), '0/0') else pg_current_wal_lsn() end as ahead,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else '0/0' end as replayed,
       null::float as seconds
 where %s::text is not null;

-- name: relations of files
select 0::bigint as tablespace where false and (%s::oid[], %s::oid[]) is not null;

-- name: bytes of a file
select null::bytea as found where (%s, %s, %s) is not null;

-- name: last commit replayed
select ''::text as at;

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
