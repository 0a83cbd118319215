"""What a driver asked its client to send, one JSON object per line: labels, msg, perhaps ts and meta."""

import json
import sys


def arguments():
    """Variant, base URL, the lines to send, and the open report."""
    variant, url, lines_file, report = sys.argv[1:]
    with open(lines_file) as file:
        return variant, url, json.load(file), Report(report)


class Report:
    def __init__(self, path):
        self._file = open(path, "w", buffering=1 << 16)

    def sent(self, labels, msg, **more):
        self._file.write(json.dumps({"labels": labels, "msg": msg, **more}) + "\n")

    def close(self):
        self._file.close()
