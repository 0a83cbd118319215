"""Captures without block indexes, made of one that has them: as 1.x left it, and as a crash leaves it."""
import json
import shutil
import subprocess


def index_of(capture):
    return [json.loads(line) for line in (capture / "index.jsonl").read_text().splitlines()]


def write_metadata(capture, out, keys):
    metadata = json.loads((capture / "metadata.json").read_text())
    (out / "metadata.json").write_text(json.dumps({key: metadata[key] for key in keys if key in metadata}))


def write_index(lines, out, keys=None):
    kept = [{key: line[key] for key in keys or line} for line in lines]
    (out / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))


def as_1x(capture, out):
    """One zstd frame per file, which tells its size, and a plain last file; killed, so that it is in no index."""
    out.mkdir()
    files = index_of(capture)
    for line in files:
        plain = out / line["file"].removesuffix(".zst")
        with plain.open("wb") as file:
            subprocess.run(["zstdcat", capture / line["file"]], stdout=file, check=True)
        if line is not files[-1]:
            subprocess.run(["zstd", "-q", "-3", "--rm", plain, "-o", out / line["file"]], check=True)
    write_index(files[:-1], out, ["file", "from", "to", "lines", "bytes", "labels"])
    write_metadata(capture, out, ["version", "format", "started", "total_lines", "total_bytes", "labels_seen"])
    return out


def as_crashed(capture, out):
    """The last file torn in a frame."""
    shutil.copytree(capture, out)
    files = index_of(capture)
    last = out / files[-1]["file"]
    with last.open("r+b") as file:
        file.truncate(last.stat().st_size * 4 // 5)
    write_index(files[:-1], out)
    metadata = json.loads((capture / "metadata.json").read_text())
    write_metadata(capture, out, [key for key in metadata if key != "stopped"])
    return out
