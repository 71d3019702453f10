"""Asks DuckDB and Portreeve the same questions about the same store, in turn, and prints the medians and their ratio."""

import json
import statistics
import subprocess
import sys
import time

import duckdb

bench, store, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
questions = json.loads(subprocess.run([bench, "questions"], check=True, capture_output=True).stdout)
ours = subprocess.Popen([bench, "ask", store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
db.execute(f"SET threads = {len(__import__('os').sched_getaffinity(0))}")
db.execute(f"CREATE VIEW conn AS SELECT * FROM read_parquet('{store}/conn/*/*.parquet', union_by_name => true)")


def ask_ours(number):
    ours.stdin.write(f"{number}\n")
    ours.stdin.flush()
    line = ours.stdout.readline()
    if not line:
        sys.exit(f"portreeve gave no answer to: {questions[number][0]}")
    took, rows = line.split()
    return float(took), int(rows)


def ask_duckdb(sql):
    began = time.perf_counter()
    rows = len(db.execute(sql).fetchall())
    return (time.perf_counter() - began) * 1e3, rows


print(f"{'question':44} {'portreeve':>12} {'duckdb':>12} {'ratio':>7}   (milliseconds, medians of {rounds} rounds in turn)")
ratios = []
for number, (name, sql) in enumerate(questions):
    mine, theirs = [], []
    for _ in range(rounds):
        a, b = ask_ours(number), ask_duckdb(sql)
        if a[1] != b[1]:
            sys.exit(f"{name}: {a[1]} rows here, {b[1]} in DuckDB")
        mine.append(a[0])
        theirs.append(b[0])
    m, t = statistics.median(mine), statistics.median(theirs)
    ratios.append(m / t)
    print(f"{name:44} {m:12.1f} {t:12.1f} {m / t:7.2f}", flush=True)
print(f"{'geometric mean of the ratios':44} {'':12} {'':12} {statistics.geometric_mean(ratios):7.2f}")
