"""Opens the files of a store in DuckDB, pandas and pyarrow, as anybody would, and prints what each finds, as JSON."""

import glob
import json
import os
import sys

import duckdb
import pandas
import pyarrow

store = sys.argv[1]


def by_duckdb():
    files = f"read_parquet('{store}/conn/**/*.parquet', union_by_name => true)"
    rows, sent, hosts, seconds, first, days = duckdb.sql(
        f"""SELECT count(*), sum(orig_ip_bytes), count(DISTINCT "id.orig_h"), sum(duration) / 1e9,
                   epoch_ns(min(ts)), count(DISTINCT date) FROM {files}"""
    ).fetchone()
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {files})").fetchall())
    return {
        "rows": rows,
        "sent": int(sent),
        "hosts": hosts,
        "seconds": round(seconds, 6),
        "first": first,
        "days": days,
        "text": types["id.orig_h"] == types["service"] == types["uid"] == "VARCHAR",
        "time": types["ts"].startswith("TIMESTAMP"),
    }


def by_pandas():
    conn = pandas.read_parquet(f"{store}/conn")
    return {
        "rows": len(conn),
        "sent": int(conn["orig_ip_bytes"].sum()),
        "hosts": conn["id.orig_h"].nunique(),
        "seconds": round(float(conn["duration"].sum()) / 1e9, 6),
        "first": conn["ts"].min().value,
        "days": conn["date"].nunique(),
        "text": isinstance(conn["id.orig_h"].iloc[0], str) and isinstance(conn["uid"].iloc[0], str),
        "time": str(conn["ts"].dtype) == "datetime64[ns, UTC]",
    }


def sums():
    """What the roll-ups and the conversations add up to."""
    found = {}
    for table in ["conn", "rollup_1s", "rollup_1m", "rollup_1h"]:
        frame = pandas.read_parquet(f"{store}/{table}")
        conns = len(frame) if table == "conn" else int(frame["conns"].sum())
        found[table] = [conns, int(frame["orig_ip_bytes"].sum()), int(frame["resp_ip_bytes"].sum())]
    return found


def rows():
    """Rows of each table, Parquet and open segments together."""
    found = {}
    for path in glob.glob(f"{store}/*/date=*/*.parquet"):
        table = os.path.relpath(path, store).split("/")[0]
        found[table] = found.get(table, 0) + pyarrow.parquet.ParquetFile(path).metadata.num_rows
    for path in glob.glob(f"{store}/open/*.arrows"):
        table = os.path.basename(path).rsplit("-", 1)[0]
        found[table] = found.get(table, 0)
        try:
            for batch in pyarrow.ipc.open_stream(path):
                found[table] += batch.num_rows
        except pyarrow.ArrowInvalid:
            # The end is torn, or not written yet.
            pass
    return found


def ask():
    """Answers the SQL of each line of standard input, by DuckDB over the Parquet files."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for folder in glob.glob(f"{store}/*/date=*"):
        table = os.path.relpath(folder, store).split("/")[0]
        db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM read_parquet('{store}/{table}/*/*.parquet', union_by_name => true, hive_partitioning => false)")
    answers = []
    for sql in sys.stdin.read().split("\n"):
        if sql.strip():
            rows = db.execute(sql).fetchall()
            answers.append([[str(value) if value is not None else None for value in row] for row in rows])
    return answers


what = {"ask": ask, "files": lambda: {"duckdb": by_duckdb(), "pandas": by_pandas()}, "sums": sums, "rows": rows}
if __name__ == "__main__":
    import pyarrow.ipc
    import pyarrow.parquet

    print(json.dumps(what[sys.argv[2]]()))
