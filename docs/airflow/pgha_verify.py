"""Verifies every pair, each in a task of its own: copy this file into Airflow's folder of DAGs.

What it needs beside Airflow: docs/airflow.md of pgha_helpers.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from papermill.engines import papermill_engines

from pgha_helpers.records.engine import PghaEngine

HOME = Path(os.environ.get("PGHA_HOME", "/opt/pgha"))  # the checkout, with its own .venv
PAIRS = Path(os.environ.get("PGHA_PARAMETERS", HOME / "parameters"))
EXECUTED = Path(os.environ.get("PGHA_EXECUTED", "/var/lib/pgha/executed"))


def by_our_engine(context):
    """The operator has no `engine_name`: within its task's process ours becomes the default."""
    papermill_engines.register(None, PghaEngine)


with DAG(
    "pgha_verify",
    schedule=timedelta(minutes=30),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "execution_timeout": timedelta(minutes=10)},
    tags=["pgha"],
):
    # the last task of the DAG decides how its run ends: not the archive's alone, which always runs
    every_pair_is_well = EmptyOperator(task_id="every_pair_is_well")
    for file in sorted(PAIRS.glob("*.yaml")):
        if file.stem == "example":
            continue
        notebook = f"{EXECUTED}/{file.stem}-{{{{ run_id | replace(':', '') }}}}.ipynb"
        verify = PapermillOperator(
            task_id=f"verify_{file.stem}",
            pre_execute=by_our_engine,
            input_nb=str(HOME / "notebooks" / "verify.ipynb"),
            output_nb=notebook,
            kernel_name="pgha",
            log_output=True,
            parameters={
                "pair": str(file),
                "light": True,
                "reason": "Airflow",
                "operator": "airflow",
            },
        )
        archive = BashOperator(
            task_id=f"archive_{file.stem}",
            bash_command=f"{HOME}/.venv/bin/pgha records attach '{notebook}' && rm '{notebook}'",
            trigger_rule="all_done",  # a verify that found something has a record, too
        )
        verify >> archive
        [verify, archive] >> every_pair_is_well
