"""Faults on purpose, and what was asked: shared by the servers of these tests, which stand for what real
stores do and their emulators do not."""
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


MIB = 1 << 20


class Asked:
    """One request, as the server saw it."""

    def __init__(self, method, target):
        parts = urlsplit(target)
        self.method = method
        self.path = unquote(parts.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.target = target
        self.began = time.monotonic()
        self.ended = None
        self.status = None
        self.range = None

    def __repr__(self):
        return f"{self.method} {self.target[:120]} -> {self.status}"


def chunks(file):
    body = b""
    while size := int(file.readline() or "0", 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return body


class Fault:
    """Happens to the next `times` requests that match; `after` of them pass before."""

    def __init__(self, match, times=1, after=0, status=None, headers=(), body=b"", cut=None, flip=None, swallow=False):
        self.match = re.compile(match)
        self.times, self.after = times, after
        self.status, self.headers, self.body = status, dict(headers), body
        self.cut = cut  # bytes of the answer that are sent before the connection is closed
        self.flip = flip  # byte of the answer that is changed
        self.swallow = swallow  # the request is carried out, its answer never comes
        self.happened = 0


class Server:
    """An HTTP server on loopback with a log, faults, and a pace: a pause before each answer to a PUT, large bodies in steps."""

    def __init__(self):
        self.log, self.faults, self.lock = [], [], threading.Lock()
        self.pause = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                outer.handle(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, *args):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, address):
                pass  # whoever asked was killed

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def forget(self):
        with self.lock:
            self.log.clear()
            self.faults.clear()
            self.pause = 0

    def fault(self, *args, **keys):
        fault = Fault(*args, **keys)
        with self.lock:
            self.faults.append(fault)
        return fault

    def handle(self, request):
        asked = Asked(request.command, request.path)
        asked.range = request.headers.get("Range") or request.headers.get("Content-Range")
        with self.lock:
            self.log.append(asked)
        length = int(request.headers.get("Content-Length") or 0)
        if request.headers.get("Transfer-Encoding") == "chunked":
            body, length = chunks(request.rfile), 0
        else:
            body = self.read(request.rfile, length)
        if len(body) < length:
            self.torn(asked, request.headers, body)
            request.close_connection = True
            return
        fault = self.next_fault(f"{asked.method} {request.path}")
        if fault and fault.status:
            answer = fault.status, dict(fault.headers), fault.body
        else:
            answer = self.answer(asked, request.headers, body)
        if self.pause and asked.method == "PUT":
            time.sleep(self.pause)
        with self.lock:
            asked.status, asked.ended = answer[0], time.monotonic()
        if fault and fault.swallow:
            request.close_connection = True
            return
        self.reply(request, *answer, fault=fault)

    def read(self, file, length):
        """A body; slowly where a pause is asked for, so that some are cut in the midst."""
        body = bytearray()
        while len(body) < length:
            got = file.read(min(MIB, length - len(body)))
            if not got:
                break
            body += got
            if self.pause and length > MIB:
                time.sleep(self.pause / 8)
        return bytes(body)

    def next_fault(self, text):
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.match.search(text):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    fault.happened += 1
                    return fault
        return None

    def reply(self, request, status, headers, body, fault=None):
        if fault and fault.flip is not None and body:
            body = bytearray(body)
            body[fault.flip % len(body)] ^= 1
            body = bytes(body)
        request.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                request.send_header(name, value)
        length = headers.get("Content-Length", len(body)) if request.command == "HEAD" else len(body)
        if status != 204:
            request.send_header("Content-Length", length)
        request.end_headers()
        if request.command == "HEAD":
            return
        if fault and fault.cut is not None:
            request.wfile.write(body[: fault.cut])
            request.wfile.flush()
            request.close_connection = True
            return
        for at in range(0, len(body), MIB):
            request.wfile.write(body[at:at + MIB])
            if self.pause and len(body) > MIB:
                time.sleep(self.pause / 8)

    def answer(self, asked, headers, body):
        raise NotImplementedError

    def torn(self, asked, headers, body):
        """A request whose body ended early."""
