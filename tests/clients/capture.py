"""Reads a capture with `zstd -dc` and Python's json only: nothing here is shared with logtap."""

import calendar
import json
import re
import subprocess
import time

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def nanoseconds(stamp):
    """RFC 3339 in UTC as nanoseconds since 1970."""
    match = _TIME.fullmatch(stamp)
    if not match:
        raise ValueError(f"not a UTC time stamp: {stamp!r}")
    seconds = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))


def read(directory):
    """All lines in the order of the files: dicts with `labels`, `msg`, `ts` (ns) and `meta`."""
    lines = []
    for path in sorted(directory.glob("*.jsonl.zst")):
        text = subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
        # Split on the newline byte only: a line may hold any other separator.
        for raw in text.split(b"\n")[:-1]:
            line = json.loads(raw)
            lines.append({
                "labels": line["labels"],
                "msg": line["msg"],
                "ts": nanoseconds(line["ts"]),
                "meta": line.get("meta", {}),
            })
    return lines


def metadata(directory):
    """The capture's own account of itself."""
    return json.loads((directory / "metadata.json").read_text())
