"""Installs the clients into a cache outside the clone, once per state of their version files."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIRED = ["zstd", "python3", "node", "npm", "go", "cargo"]


def missing_tools():
    """Tools that have to be on the PATH and are not."""
    return [tool for tool in REQUIRED if not shutil.which(tool)]


def cache_directory():
    base = os.environ.get("LOGTAP_CACHE") or Path.home() / ".cache" / "logtap-tests"
    return Path(base).resolve() / "clients"


def _run(command, cwd, env=None):
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-4000:]}")


def _once(target, sources, install):
    """Runs `install` unless `target` was made from exactly these source files."""
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    target.mkdir(parents=True, exist_ok=True)
    stamp = target / "made-from"
    with open(target / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        stamp.unlink(missing_ok=True)
        install(target)
        stamp.write_text(digest.hexdigest())


def python():
    """The venv's interpreter, the three Python clients installed."""
    requirements = HERE / "python" / "requirements.txt"

    def install(target):
        shutil.rmtree(target / "venv", ignore_errors=True)
        _run(["python3", "-m", "venv", target / "venv"], target)
        _run([target / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], target)

    target = cache_directory() / "python"
    _once(target, [requirements], install)
    return target / "venv/bin/python"


def node():
    """A directory with node_modules and a copy of the drivers (imports resolve beside the file)."""
    target = cache_directory() / "node"

    def install(target):
        shutil.rmtree(target / "node_modules", ignore_errors=True)
        shutil.copy(HERE / "node/package.json", target)
        _run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"], target)

    _once(target, [HERE / "node/package.json"], install)
    for driver in (HERE / "node").glob("*.mjs"):
        shutil.copy(driver, target)
    return target


def go():
    """A directory with the Go drivers' binaries."""
    target = cache_directory() / "go"
    sources = sorted(path for path in (HERE / "go").rglob("*") if path.is_file())

    def install(target):
        build = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", f"{target}/", "./pushpkg", "./lokiclient"]
        _run(build, HERE / "go", {"CGO_ENABLED": "0"})

    _once(target, sources, install)
    return target


def tracing_loki():
    """The binary that logs through the tracing-loki crate."""
    target = cache_directory() / "tracing-loki"
    crate = HERE / "tracing-loki"
    sources = [crate / "Cargo.toml", crate / "Cargo.lock", crate / "src/main.rs"]

    def install(target):
        _run(["cargo", "build", "--locked", "--quiet"], crate, {"CARGO_TARGET_DIR": str(target)})

    _once(target, sources, install)
    return target / "debug/client-of-tracing-loki"
