"""loki-logger-handler: JSON bodies from a background thread; the line is the record as JSON.

With `message_in_json_format=False` the client's own formatter puts a JSON object where the line's
text belongs; its text on the wire is then the line.
"""

import json
import logging

from loki_logger_handler.formatters.logger_formatter import LoggerFormatter
from loki_logger_handler.loki_logger_handler import LokiLoggerHandler
from sent import arguments


class Recording(LoggerFormatter):
    """The client's own formatter, remembering what it made."""

    def format(self, record):
        self.made = super().format(record)
        return self.made


def main():
    variant, url, lines, report = arguments()
    formatter = Recording()
    handler = LokiLoggerHandler(
        url=url + "/loki/api/v1/push",
        labels={"app": "clients", "path": "C:\\temp", "quoted": 'a "q", b'},
        label_keys={"zone"},
        compressed=variant == "gzip",
        message_in_json_format=variant != "object",
        timeout=3600,
        default_formatter=formatter,
        enable_structured_loki_metadata=True,
        loki_metadata={"run": 'né "1"'},
        loki_metadata_keys=["order"],
    )
    logger = logging.getLogger("clients")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    for number, line in enumerate(lines):
        zone = f"z{number % 3}"
        logger.info(line, extra={"zone": zone, "order": number})
        record, _ = formatter.made
        # The line is the record as JSON without what went into the metadata.
        text = json.dumps(record, ensure_ascii=variant == "object")
        labels = {"app": "clients", "path": "C:\\temp", "quoted": 'a "q", b', "zone": zone}
        meta = {"run": 'né "1"', "order": str(number)}
        report.sent(labels, text, meta=meta, ts=str(int(record["timestamp"] * 1e9)))
        if number % 100 == 99:
            handler._send()
    handler._send()
    if handler.error:
        raise SystemExit("the client met an error")
    report.close()


main()
