"""``python -m ultra_checklist.server --port 0 --db FILE``."""

import argparse
import pathlib
import sqlite3
import sys

from ultra_checklist.server.serve import serve


def main() -> int:
    """Serve until a signal ends it; 2 if the port or the file cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m ultra_checklist.server", description="The local Notion.")
    parser.add_argument("--port", type=int, default=8642, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--db", type=pathlib.Path, required=True, help="SQLite file, made if missing")
    parser.add_argument("--request-log", type=pathlib.Path, help="file for one JSON line a request")
    arguments = parser.parse_args()
    try:
        serve(arguments.db, arguments.port, request_log=arguments.request_log)
    except (OSError, OverflowError) as error:
        wrong = "--request-log" if getattr(error, "filename", None) else "--port"
        sys.stderr.write(f"cannot serve on 127.0.0.1:{arguments.port}: {error}; choose another {wrong}\n")
        return 2
    except (sqlite3.Error, ValueError) as error:
        sys.stderr.write(f"cannot use the database file {arguments.db}: {error}; choose another --db\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
