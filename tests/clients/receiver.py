"""Runs one receiver on a free port for as long as a client needs it."""

import re
import subprocess
import threading

START_SECONDS = 20
STOP_SECONDS = 20


class Receiver:
    """`logtap recv` as a context manager; `url` is its base address, `log` what it said."""

    def __init__(self, binary, directory):
        self._command = [binary, "recv", "--headless", "--listen", "127.0.0.1:0", "--dir", directory]
        self._ready = threading.Event()
        self.url = None
        self.log = []

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(START_SECONDS)
        if not self.url:
            self._process.kill()
            raise RuntimeError("the receiver did not start:\n" + "".join(self.log))
        return self

    def _read(self):
        for line in self._process.stderr:
            self.log.append(line)
            match = re.search(r"listening on (http://\S+)", line)
            if match:
                self.url = match[1]
                self._ready.set()
        self._ready.set()

    def __exit__(self, *_):
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"the receiver did not stop within {STOP_SECONDS} s") from None
        self._reader.join(5)
        if code:
            raise RuntimeError(f"the receiver ended with {code}:\n" + "".join(self.log))
