"""Readers of exports that are too big for CI: Apache Spark and LibreOffice.

LOGTAP_SPARK_PYTHON names a Python that has pyspark; without it one is made in LOGTAP_CACHE. Spark needs Java,
LibreOffice the Debian package libreoffice-calc.
"""
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as tree
from pathlib import Path

PYSPARK = "pyspark==4.3.0"
QUESTION = """
import json, sys
from pyspark.sql import SparkSession
path, frm, to, app = sys.argv[1:]
build = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
build = build.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
spark = build.config("spark.sql.session.timeZone", "UTC").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.read.parquet(path).createOrReplaceTempView("lines")
ask = lambda text: [int(one) for one in spark.sql(text).collect()[0]]
print(json.dumps({
    "all": ask("select count(*), sum(cast(ts_ns as decimal(38, 0))) from lines"),
    "minute": ask(f"select count(*) from lines where ts >= timestamp'{frm}' and ts < timestamp'{to}'")[0],
    "app": ask(f"select count(*) from lines where app = '{app}'")[0],
    "label": ask(f"select count(*) from lines where labels['app'] = '{app}'")[0],
    "bytes": ask("select sum(octet_length(msg)) from lines")[0],
}))
"""


def spark_python():
    named = os.environ.get("LOGTAP_SPARK_PYTHON")
    if named:
        return named
    home = Path(os.environ.get("LOGTAP_CACHE", Path.home() / ".cache/logtap-tests")) / "spark"
    if not (home / "bin/python").exists():
        subprocess.run(["python3", "-m", "venv", home], check=True)
        subprocess.run([home / "bin/pip", "install", "--quiet", PYSPARK], check=True)
    return home / "bin/python"


def spark(path, frm, to, app):
    """What Spark finds in a Parquet file: all rows and the sum of their times, and a few counts."""
    command = [spark_python(), "-c", QUESTION, path, frm, to, app]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"})
    return json.loads(done.stdout.splitlines()[-1])


PAYLOADS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1;1)", "\t=1+1", "\r=1+1", "\n=1+1", "'=1+1", "''", "'", "=HYPERLINK(\"http://127.0.0.1/\";\"x\")",
    "=cmd|' /C calc'!A0", "=1+1,=2+2", "\"=1+1\"", "a,\"b\"\n=1+1", "plain", "ünï ☃", "-", "=",
]


def sheet(out, folder, evaluate):
    """Cells of a CSV file as LibreOffice opens it: whether each is a formula, and its text."""
    tokens = "44,34,76,1,,0,false,false,false,false,false,0," + ("true" if evaluate else "false")
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    command = ["soffice", profile, "--headless", f"--infilter=CSV:{tokens}", "--convert-to", "fods", "--outdir", folder, out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    office = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
    table, text = office % "table", office % "text"
    rows = []
    for row in tree.parse(folder / (out.stem + ".fods")).iter(table + "table-row"):
        cells = []
        for cell in row.iter(table + "table-cell"):
            lines = ["".join(plain(line, text)) for line in cell.findall(text + "p")]
            many = int(cell.get(table + "number-columns-repeated", "1"))
            cells += [(cell.get(table + "formula") is not None, "\n".join(lines))] * (many if lines else min(many, 20))
        rows.append(cells)
    return rows


def plain(node, text):
    """Characters of a paragraph; OpenDocument writes runs of spaces and tabs as elements."""
    yield node.text or ""
    for child in node:
        if child.tag == text + "s":
            yield " " * int(child.get(text + "c", "1"))
        elif child.tag == text + "tab":
            yield "\t"
        else:
            yield from plain(child, text)
        yield child.tail or ""


def libreoffice(logtap, base, check):
    """Opens an export of texts that spreadsheets calculate; returns how many cells it has read."""
    if not shutil.which("soffice"):
        check("LibreOffice is installed (Debian: apt-get install --no-install-recommends libreoffice-calc)", False)
        return 0
    lines, folder = base / "payloads", base / "office"
    lines.mkdir()
    folder.mkdir()
    with open(lines / "2026-01-15T000000-000.jsonl", "w") as file:
        for n, payload in enumerate(PAYLOADS):
            line = {"ts": f"2026-01-15T00:00:{n:02}.000000000Z", "labels": {"app": payload, "pod": "p"}, "msg": payload}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    found = {}
    for name, more in (("guarded", []), ("raw", ["--raw"])):
        out = folder / f"{name}.csv"
        subprocess.run([logtap, "export", lines, "--format", "csv", "--out", out, *more], check=True, stdout=subprocess.DEVNULL)
        found[name] = sheet(out, folder, True)
    formulas = {name: sum(is_formula for row in rows for is_formula, _ in row) for name, rows in found.items()}
    check(f"LibreOffice calculates nothing, but {formulas['guarded']} cells", formulas["guarded"] == 0)
    check("LibreOffice calculates without the guard, or this would show nothing", formulas["raw"] > 0)
    rows = found["guarded"][1:]
    undone = [text[1:] if text.startswith("'") else text for text in (row[9][1] for row in rows)]
    # A spreadsheet has one kind of line end.
    expected = [payload.replace("\r", "\n") for payload in PAYLOADS]
    check(f"the guard can be undone in LibreOffice: {[pair for pair in zip(undone, expected) if pair[0] != pair[1]]}", undone == expected)
    return sum(len(row) for row in rows)
