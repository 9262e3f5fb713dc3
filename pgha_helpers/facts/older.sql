-- What is asked of servers before 10, where queries.sql and survey.sql begin later. What only has another name there, or
-- is not there (xlog, procpid, a view), is spelled by the table in model/dialect.py. What no SQL tells there, the node's
-- shell tells, or nobody: then nothing is made up.

-- name: receiver | walreceiver's process | startup process
-- the titles of their processes tell, by the shell
select 0 as pid where false;

-- name: slots | logical slots | waiting | misset | hba errors | who is let in | missing extensions | sizes of unlogged tables
select '' as name where false;

-- name: label of a backup
select pg_read_file(file, 0, 100000) as label from pg_ls_dir('.') as file where file = 'backup_label';

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

-- name: relations of files
select 0::bigint as tablespace where false and (%s::oid[], %s::oid[]) is not null;

-- name: base backups
select r.pid as pid, coalesce(r.application_name, '') as application, 'streaming'::text as phase
  from pg_stat_replication r where r.state = 'backup'
union all
select 0, '', 'an exclusive one, ' || split_part(split_part(pg_read_file(file, 0, 100000), 'LABEL: ', 2), chr(10), 1)
  from pg_ls_dir('.') as file where file = 'backup_label' and not pg_is_in_recovery();

-- name: archiver
-- what waits to be archived, the shell tells
select current_setting('archive_mode') as mode, '' as last_archived, '' as last_failed, false as failing;

-- name: as it would start
-- what the files say is not told without a start
select name, setting, source in ('command line', 'environment variable') as changes
  from pg_settings
 where name = any(%s) or source in ('command line', 'environment variable');

-- name: pace
-- how long ago the last checkpoint was, only the control file tells
select 0::bigint as transactions, 0::bigint as bytes, 0::float as seconds;

-- name: reads
select '' as pause, 0::bigint as conflicts, 0 as standby_xmin_age;

-- name: in a database
-- before 10 no hash index is in WAL
select case c.relkind when 'i' then 'hash index ' else '' end || quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_am a on a.oid = c.relam
 where c.relpersistence = 'u' and c.relkind = 'r' or a.amname = 'hash' and c.relkind = 'i'
 order by 1;

-- name: canary's strangers
-- there is no canary before 10
select 'before PostgreSQL 10 nobody looks what hangs on it' as words;

-- name: may rewind
-- only a superuser may, whatever was granted
select false as so where (%s, %s::text[]) is not null;

-- name: how it was built
select name, setting from pg_settings
 where name in ('block_size', 'wal_block_size', 'segment_size', 'wal_segment_size');
