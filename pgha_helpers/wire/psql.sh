# psql_of DIRECTORY: the psql there, or another one of this machine: the newest, which speaks to older servers.
psql_of() {
  found=
  for each in /usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql "$1/psql"; do [ ! -x "$each" ] || found=$each; done
  printf '%s\n' "${found:-$(command -v psql)}"
}
