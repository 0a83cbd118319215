"""python-logging-loki: one synchronous request per record; raises unless the answer is 204."""

import logging

import logging_loki
from sent import arguments

# What `tags` may hold. For each value: what a reader must make of it from the v0 label string
# (Python's str between quotes, only `"` escaped) and from v1 (a JSON value).
TAGS = [
    ("plain", "plain", "plain"),
    ("číslo 🦀", "číslo 🦀", "číslo 🦀"),
    (5, "5", "5"),
    (1.5, "1.5", "1.5"),
    (True, "True", "true"),
    ('my "app"', 'my "app"', 'my "app"'),
    # An illegal escape: the text cannot have been escaped, so it stands for itself.
    ("C:\\dir", "C:\\dir", "C:\\dir"),
    ('say "x", C:\\dir', 'say "x", C:\\dir', 'say "x", C:\\dir'),
    # A legal escape: every reader of label strings sees a tab.
    ("C:\\temp", "C:\temp", "C:\\temp"),
    ("a,b={c}", "a,b={c}", "a,b={c}"),
]
# Values that only v1 can carry.
TAGS_V1 = [
    ("tab\t and newline\n", None, "tab\t and newline\n"),
    ({"a": 1}, None, '{"a": 1}'),
    ([], None, "[]"),
]


def main():
    variant, url, lines, report = arguments()
    v0 = variant != "v1"
    route = "/api/prom/push" if variant == "v0" else "/loki/api/v1/push"
    handler = logging_loki.LokiHandler(url=url + route, tags={"app": "clients"}, version="0" if v0 else "1")
    # The default only prints to stderr; a lost line must end the run.
    handler.handleError = _fail
    logger = logging.getLogger("clients.loki")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    tags = TAGS if v0 else TAGS + TAGS_V1
    # A lone surrogate is legal in a Python string and in JSON, and has no UTF-8: it is replaced.
    for number, line in enumerate(lines + ["lone \ud800 surrogate", "\udfff"]):
        value, meant_v0, meant_v1 = tags[number % len(tags)]
        level = [logging.INFO, logging.WARNING, logging.ERROR][number % 3]
        logger.log(level, line, extra={"tags": {"build-id": value}})
        # The client turns `-` in names into `_`, and adds level and logger.
        labels = {
            "app": "clients",
            "severity": logging.getLevelName(level).lower(),
            "logger": "clients.loki",
            "build_id": meant_v0 if v0 else meant_v1,
        }
        report.sent(labels, line.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    report.close()


def _fail(record):
    raise SystemExit(f"the client could not send {record.getMessage()[:100]!r}")


main()
