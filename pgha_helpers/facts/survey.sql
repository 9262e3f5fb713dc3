-- What a close look asks PostgreSQL, before a planned switchover and in every verify. See queries.sql.

-- name: prepared transactions
select gid, owner::text, database::text, extract(epoch from clock_timestamp() - prepared)::float as age
  from pg_prepared_xacts order by prepared;

-- name: transactions
-- since 18 who has not said his password yet is one that is "starting": he is nobody, and gone within a minute
select a.pid as pid, coalesce(usename::text, '') as "user", coalesce(application_name, '') as application,
       coalesce(datname::text, '') as database, coalesce(a.state, '') as state,
       extract(epoch from clock_timestamp() - xact_start)::float as age,
       coalesce(age(a.backend_xmin), 0) as xmin_age
  from pg_stat_activity a
 where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and xact_start is not null
   and a.state is distinct from 'starting'
 order by xact_start limit 100;

-- name: base backups since 9.3
select pid, coalesce(application_name, '') as application, 'streaming'::text as phase
  from pg_stat_replication where state = 'backup'
union all
select 0, '', 'an exclusive one, begun ' || pg_backup_start_time() from (select 1) one where pg_is_in_backup()
union all
select pid, coalesce(application_name, ''), 'a session after pg_start_backup' from pg_stat_activity
 where query ~* '\mpg_start_backup\s*\(' and pid <> pg_backend_pid();

-- name: base backups since 13
select pid, coalesce(application_name, '') as application, phase
  from pg_stat_progress_basebackup left join pg_stat_activity using (pid)
union all
select 0, '', 'an exclusive one, begun ' || pg_backup_start_time() from (select 1) one where pg_is_in_backup()
union all
select pid, coalesce(application_name, ''), 'a session after pg_start_backup' from pg_stat_activity
 where query ~* '\mpg_start_backup\s*\(' and pid <> pg_backend_pid();

-- name: base backups since 15
select pid, coalesce(application_name, '') as application, phase
  from pg_stat_progress_basebackup left join pg_stat_activity using (pid)
union all
select pid, coalesce(application_name, ''), 'a session after pg_backup_start' from pg_stat_activity
 where query ~* '\mpg_backup_start\s*\(' and pid <> pg_backend_pid();

-- name: archiver since 9.4
select current_setting('archive_mode') as mode, coalesce(last_archived_wal, '') as last_archived,
       coalesce(last_failed_wal, '') as last_failed,
       coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as failing
  from pg_stat_archiver;

-- name: logical slots since 9.4
select slot_name::text as name, coalesce(plugin::text, '') as plugin, coalesce(database::text, '') as database, active
  from pg_replication_slots s where slot_type = 'logical' and not s.temporary order by slot_name;

-- name: logical slots since 13
select slot_name::text as name, coalesce(plugin::text, '') as plugin, coalesce(database::text, '') as database, active,
       case wal_status when 'lost' then 'its WAL is gone' else '' end as lost
  from pg_replication_slots where slot_type = 'logical' and not temporary order by slot_name;

-- name: logical slots since 17
select slot_name::text as name, coalesce(plugin::text, '') as plugin, coalesce(database::text, '') as database, active,
       failover, synced, coalesce(invalidation_reason, '') as lost
  from pg_replication_slots where slot_type = 'logical' and not temporary order by slot_name;

-- name: given at the start
-- up to 9.1 the server says that of what it has chosen itself
select name, setting from pg_settings
 where source in ('command line', 'environment variable')
   and name not in ('log_timezone', 'TimeZone', 'timezone_abbreviations', 'max_stack_depth');

-- name: as it would start since 9.5
-- what runs, and whether its files say something else, or may: what only a restart can change stands there with an error
select s.name, s.setting,
       s.source in ('command line', 'environment variable')
       or (s.source = 'configuration file' and s.name <> all(f.named))
       or s.name = any(case s.context when 'postmaster' then f.failing else f.named end) as changes
  from pg_settings s,
       (select coalesce(array_agg(lower(name)), '{}') as named,
               coalesce(array_agg(lower(name)) filter (where error is not null), '{}') as failing
          from pg_file_settings where name is not null) f
 where s.name = any(%s) or s.source in ('command line', 'environment variable');

-- name: waiting since 9.5
select name from pg_settings where pending_restart order by name;

-- name: who is let in since 10
-- what a client can see of it: which connections there are rules for, and how they prove themselves
select concat_ws(' ', type, array_to_string(database, ','), array_to_string(user_name, ','), address, netmask,
                 auth_method) as rule,
       'pg_hba.conf line ' || line_number || ': ' || error as wrong
  from pg_hba_file_rules order by line_number;

-- name: collations
-- before 15 nobody tells the version, but the shell that of the libraries; the order of C is nobody's
select datname::text as database,
       case when datcollate ~* '^(C|POSIX)([.].*)?$' then '' else 'of its libc' end as version
  from pg_database where datallowconn;

-- name: collations since 15
-- the version that this machine's libraries have, of the collation that each database sorts by
select datname::text as database, coalesce(pg_database_collation_actual_version(oid), '') as version
  from pg_database where datallowconn;

-- name: misset since 9.5
-- with an error stands, too, what only waits for a restart
select lower(name) as name, sourcefile || ' line ' || sourceline as place from pg_file_settings where error is not null and name is not null;

-- name: all settings
-- of what this session sets for its own transactions, what others have
select name, case source when 'session' then reset_val else current_setting(name) end as value
  from pg_settings
 where context <> 'internal' and source not in ('client', 'override');

-- name: hasty
-- who does not wait for the disk: this session's own synchronous_commit is set by us, and so tells nothing
select 'fsync is off' as words where current_setting('fsync') = 'off'
union all
select 'full_page_writes is off' where current_setting('full_page_writes') = 'off'
union all
select distinct 'synchronous_commit is off'::text from pg_file_settings f
 where name = 'synchronous_commit' and applied and setting in ('off', 'false', 'no', '0')
union all
select 'synchronous_commit is off' || coalesce(' for role ' || r.rolname, '') || coalesce(' in database ' || d.datname, '')
  from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
 where 'synchronous_commit=off' = any(s.setconfig)
 order by 1;

-- name: reading
select case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0') else pg_current_wal_lsn() end as lsn;

-- name: pace since 9.6
-- since the last checkpoint began; transactions are those that have a number, because they write
select (txid_snapshot_xmax(txid_current_snapshot())
        - split_part(next_xid, ':', 1)::bigint * 4294967296 - split_part(next_xid, ':', 2)::bigint)::bigint as transactions,
       (pg_current_wal_insert_lsn() - redo_lsn)::bigint as bytes,
       greatest(extract(epoch from clock_timestamp() - checkpoint_time), 0)::float as seconds
  from pg_control_checkpoint();

-- name: reads since 9.1
select '' as pause,
       (select coalesce(sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock), 0)::bigint
          from pg_stat_database_conflicts) as conflicts,
       greatest((select max(age(backend_xmin)) from pg_stat_replication),
                (select max(age(xmin)) from pg_replication_slots), 0) as standby_xmin_age;

-- name: reads since 14
select case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else '' end as pause,
       (select coalesce(sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock), 0)::bigint
          from pg_stat_database_conflicts) as conflicts,
       greatest((select max(age(backend_xmin)) from pg_stat_replication),
                (select max(age(xmin)) from pg_replication_slots), 0) as standby_xmin_age;

-- name: databases
select datname::text as name,
       case when has_database_privilege(oid, 'connect') then ''
            else 'grant connect on database ' || quote_ident(datname) || ' to ' || quote_ident(current_user) || ';' end
       as lacks
  from pg_database where datallowconn and not datistemplate order by datname;

-- name: in a database since 10
select format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relpersistence = 'u' and c.relkind = 'r'
 order by 1;

-- name: missing extensions since 9.1
-- one control file that cannot be read, as a newer version's, and PostgreSQL tells of none; of what is not there in its
-- newest version all versions are read, which takes a look through the whole directory for each extension
select extname || ' ' || extversion as name
  from pg_extension e
 where case when exists (select 1 from pg_available_extensions a
                          where a.name = e.extname and a.default_version = e.extversion) then false
            else not exists (select 1 from pg_available_extension_versions v
                              where v.name = e.extname and v.version = e.extversion) end
 order by 1;

-- name: sizes of unlogged tables since 9.5
-- those of the tables' own files, which takes no lock: a long transaction may hold one that we would wait for
select format('%I.%I', n.nspname, c.relname) as name,
       (select coalesce(sum((pg_stat_file(pg_relation_filepath(c.oid) || case part when 0 then '' else '.' || part end, true)).size), 0)
          from generate_series(0, greatest(c.relpages, 0) / 131072 + 1) part)::bigint as size
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relpersistence = 'u' and c.relkind = 'r';
