"""The doors to the world: one to paramiko, one to psycopg2, one to this machine's own shell."""
