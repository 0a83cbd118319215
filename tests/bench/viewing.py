"""A view on a terminal of its own, for what measures it: keys go in, whole frames come out."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

BEGIN = b"\x1b[?2026h"
END = b"\x1b[?2026l"
SLOW = 4  # a bound is passed by this factor before it fails
failures = []


def build(*tools):
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve() / "release"
    cargo = ["cargo", "build", "--quiet", "--release", "--locked"]
    # As it is released, so that one build serves all benches.
    subprocess.run([*cargo, "-p", "logtap", "--features", "parquet"], check=True)
    subprocess.run([*cargo, "-p", "logtap-capture", "--example", "make_capture"], check=True)
    for tool in tools:
        subprocess.run([*cargo, "-p", tool], check=True)
    return target


class View:
    def __init__(self, logtap, columns, rows, *words):
        self.begun = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(logtap, [str(logtap), *map(str, words)])
        self.buffer = b""
        self.seen = b""  # the last frame that was waited for

    def frame(self, wanted=b"", timeout=20):
        """Waits for the end of a frame that holds some bytes; seconds since the call."""
        begun = time.perf_counter()
        while True:
            at = self.buffer.find(END, max(self.buffer.find(wanted), 0))
            if wanted in self.buffer and at >= 0:
                self.seen, self.buffer = self.buffer[:at], self.buffer[at + len(END):]
                return time.perf_counter() - begun
            if not select.select([self.fd], [], [], timeout)[0]:
                raise SystemExit(f"no frame with {wanted!r} in {timeout} s")
            self.buffer += os.read(self.fd, 1 << 16)

    def quiet(self, seconds=0.15):
        """Takes what still comes, until nothing does."""
        while select.select([self.fd], [], [], seconds)[0]:
            os.read(self.fd, 1 << 16)
        self.buffer = b""

    def settled(self, silence=0.04):
        """Waits until nothing has come for a while; seconds from the call to the end of the last frame."""
        begun = last = time.perf_counter()
        # The first frame may take longer than the silence that ends the last.
        while select.select([self.fd], [], [], silence if last > begun else max(silence, 1.0))[0]:
            self.buffer += os.read(self.fd, 1 << 16)
            if END in self.buffer:
                last, self.buffer = time.perf_counter(), self.buffer.rsplit(END, 1)[1]
        return last - begun

    def key_shown(self, keys):
        """As `key`, until a frame changes something: every key is answered by one, at an end by an empty one."""
        begun = time.perf_counter()
        os.write(self.fd, keys)
        self.frame()
        while self.seen.endswith(BEGIN):
            if not select.select([self.fd], [], [], 2)[0]:
                return None
            self.frame()
        return time.perf_counter() - begun

    def key(self, keys, wanted=b""):
        begun = time.perf_counter()
        os.write(self.fd, keys)
        self.frame(wanted)
        return time.perf_counter() - begun

    def rss(self):
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def bytes_in(self, seconds):
        """Bytes and ends of frames that come in so many seconds."""
        until, count, frames = time.perf_counter() + seconds, 0, 0
        while (left := until - time.perf_counter()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                got = os.read(self.fd, 1 << 16)
                count, frames = count + len(got), frames + got.count(END)
        return count, frames

    def end(self, keys=b"q"):
        os.write(self.fd, keys)
        try:
            while os.read(self.fd, 1 << 16):
                pass
        except OSError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def say(what, milliseconds, bound, binding=True):
    """Prints the distribution and notes a failure where the bound is passed by far and binding."""
    milliseconds = sorted(milliseconds)
    at = lambda share: milliseconds[min(int(len(milliseconds) * share), len(milliseconds) - 1)]
    print(f"  {what}: p50 {at(.5):.1f} ms, p99 {at(.99):.1f} ms, max {milliseconds[-1]:.1f} ms of {len(milliseconds)} (bound p99 {bound} ms)")
    if binding and at(.99) > bound * SLOW:
        failures.append(what)
