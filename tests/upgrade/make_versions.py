"""Makes the database of schema 7 that `test_versions.py` opens: memories of several versions, all of them live.

    python -m tests.upgrade.make_versions

Run once, by hand, in a checkout of the last commit with schema 7.
"""

import gzip
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from tests.client import Session

SCHEMA_7 = Path(__file__).parent / "schema_7.db.gz"


def main() -> None:
    """Make it."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        with Session(db) as client:

            def store(name: str, content: str, **more: object) -> None:
                client.ok("store_memory", file_name=name, content=content, project_id="shop", **more)

            for broker in ("Kafka", "RabbitMQ", "NATS"):
                store("broker.md", f"The shop sends its orders through {broker}.", tags=["broker"])
            for port in (8080, 9090):
                store("port.md", f"The shop listens on port {port}.", on_conflict="replace")
            store("owner.md", "Anna owns the shop.")
        with closing(sqlite3.connect(db)) as connection:
            connection.execute("DELETE FROM tool_calls")
            connection.execute("DELETE FROM usage_events")
            connection.commit()
            connection.execute("VACUUM")
        SCHEMA_7.write_bytes(gzip.compress(db.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
