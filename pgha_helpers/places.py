"""Where the product itself lies, and the names under which its programs tell each other where a record is."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
RECORD = "PGHA_RECORD"  # environment: the folder for the kernel's first run, or a file that holds its name
ROAD = "PGHA_ROAD"  # environment: `pgha run` or `pgha open`
