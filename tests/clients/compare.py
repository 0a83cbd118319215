"""Compares what a client was asked to send with what the capture holds."""

import json
from collections import Counter

# Differences named one by one; one mistake often shows in every stream.
NAMED = 6


def as_kept(line):
    """The line as the capture promises to hold it: NUL becomes U+FFFD, in texts of any kind.

    It is the one valid character that is replaced (many readers end a string there).
    """
    def text(value):
        return value.replace("\0", "\ufffd")

    kept = {**line, "msg": text(line["msg"])}
    for key in ("labels", "meta"):
        if key in line:
            kept[key] = {name: text(value) for name, value in line[key].items()}
    if "ts" in line:
        kept["ts"] = int(line["ts"])
    return kept


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
    sent_streams, kept_streams = _streams(map(as_kept, sent)), _streams(kept)
    for labels in sorted(sent_streams.keys() - kept_streams.keys()):
        found.append(f"no stream {_short(labels)} ({len(sent_streams[labels])} lines)")
    for labels in sorted(kept_streams.keys() - sent_streams.keys()):
        first = _short(kept_streams[labels][0]["msg"])
        found.append(f"unexpected stream {_short(labels)} ({len(kept_streams[labels])} lines, first {first})")
    for labels in sorted(sent_streams.keys() & kept_streams.keys()):
        found += _in_stream(labels, sent_streams[labels], kept_streams[labels], ordered)
    return found[:NAMED] + ([f"and {len(found) - NAMED} more"] if len(found) > NAMED else [])


def _in_stream(labels, sent, kept, ordered):
    where = f"stream {_short(labels)}"
    sent_texts, kept_texts = [line["msg"] for line in sent], [line["msg"] for line in kept]
    if Counter(sent_texts) != Counter(kept_texts):
        missing, extra = Counter(sent_texts) - Counter(kept_texts), Counter(kept_texts) - Counter(sent_texts)
        found = [f"{where}: {len(sent)} lines sent, {len(kept)} kept"]
        found += [f"  missing {_short(text)}" for text in list(missing)[:3]]
        found += [f"  extra   {_short(text)}" for text in list(extra)[:3]]
        return ["\n    ".join(found)]
    if not ordered:
        timed = all("ts" in line for line in sent)

        def sort_key(line):
            return line["msg"], line["ts"] if timed else 0

        sent, kept = sorted(sent, key=sort_key), sorted(kept, key=sort_key)
    for number, (want, have) in enumerate(zip(sent, kept, strict=True)):
        for key in ("msg", "ts", "meta"):
            if key in want and want[key] != have[key]:
                return [f"{where}: line {number}: {key} sent {_short(want[key])}, kept {_short(have[key])}"]
    return []
