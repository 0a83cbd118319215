"""Compares what a client was asked to send with what the capture holds."""

import json
from collections import Counter


def _streams(lines):
    streams = {}
    for line in lines:
        streams.setdefault(json.dumps(line["labels"], sort_keys=True), []).append(line)
    return streams


def _short(value):
    text = ascii(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-60:]} ({len(text)} characters)"


def differences(sent, kept, ordered):
    """What differs, in words; empty if nothing does.

    Lines are compared per stream (label set), in order if `ordered`, else as a multiset.
    Time stamp and metadata count where the client's side knows them.
    """
    found = []
    sent_streams, kept_streams = _streams(sent), _streams(kept)
    for labels in sent_streams.keys() - kept_streams.keys():
        found.append(f"no stream {_short(labels)} ({len(sent_streams[labels])} lines)")
    for labels in kept_streams.keys() - sent_streams.keys():
        first = _short(kept_streams[labels][0]["msg"])
        found.append(f"unexpected stream {_short(labels)} ({len(kept_streams[labels])} lines, first {first})")
    for labels in sent_streams.keys() & kept_streams.keys():
        found += _in_stream(labels, sent_streams[labels], kept_streams[labels], ordered)
    return found


def _in_stream(labels, sent, kept, ordered):
    where = f"stream {_short(labels)}"
    sent_texts, kept_texts = [line["msg"] for line in sent], [line["msg"] for line in kept]
    if Counter(sent_texts) != Counter(kept_texts):
        missing, extra = Counter(sent_texts) - Counter(kept_texts), Counter(kept_texts) - Counter(sent_texts)
        found = [f"{where}: {len(sent)} lines sent, {len(kept)} kept"]
        found += [f"  missing {_short(text)}" for text in list(missing)[:3]]
        return found + [f"  extra   {_short(text)}" for text in list(extra)[:3]]
    if not ordered:
        def sort_key(line):
            return line["msg"]

        sent, kept = sorted(sent, key=sort_key), sorted(kept, key=sort_key)
    for number, (want, have) in enumerate(zip(sent, kept, strict=True)):
        for key in ("msg", "ts", "meta"):
            if key == "ts" and isinstance(want.get("ts"), str):
                want["ts"] = int(want["ts"])
            if key in want and want[key] != have[key]:
                return [f"{where}: line {number}: {key} sent {_short(want[key])}, kept {_short(have[key])}"]
    return []
