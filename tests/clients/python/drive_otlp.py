"""OpenTelemetry's own SDK and OTLP/HTTP exporter (protobuf).

Resource attributes on Loki's list become labels, everything else metadata with `_` for every
character that Loki's names cannot have. Bodies that are not text become JSON.
"""

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from sent import arguments

START = 1_795_340_000_123_456_789
# Bodies that are not text, and the text they become.
STRUCTURED = [
    (42, "42"),
    (True, "true"),
    (1.5, "1.5"),
    ({"k": "v", "n": [1, "two"]}, '{"k":"v","n":[1,"two"]}'),
    (["a", 1], '["a",1]'),
]


def main():
    variant, url, lines, report = arguments()
    resource = Resource({
        "service.name": 'shop "eu"',
        "service.namespace": "C:\\temp",
        "k8s.namespace.name": "prod",
        "custom.thing": "no label",
    })
    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(
        endpoint=url + "/otlp/v1/logs",
        compression=Compression.Gzip if variant == "gzip" else Compression.NoCompression,
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=200))
    logger = provider.get_logger("clients", "1.0")
    labels = {"service_name": 'shop "eu"', "service_namespace": "C:\\temp", "k8s_namespace_name": "prod"}
    bodies = [(line, line) for line in lines] + STRUCTURED
    for number, (body, text) in enumerate(bodies):
        logger.emit(LogRecord(
            timestamp=START + number,
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body=body,
            attributes={"http.status": 200 + number, "note": 'q "x"'},
        ))
        meta = {
            "custom_thing": "no label",
            "scope_name": "clients",
            "scope_version": "1.0",
            "severity_number": "13",
            "severity_text": "WARN",
            "http_status": str(200 + number),
            "note": 'q "x"',
        }
        report.sent(labels, text, ts=str(START + number), meta=meta)
        if number % 200 == 199:
            provider.force_flush()
    provider.force_flush()
    provider.shutdown()
    report.close()


main()
