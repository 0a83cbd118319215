"""Stands for Google Cloud Storage where fake-gcs-server does not do as it does: sessions that know what they
have, sums, preconditions. It holds objects in memory, keeps a log and makes faults."""
import base64
import email
import hashlib
import json
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from faults import Server
from world import World

PIECE = 256 << 10


class Google(Server):
    def __init__(self):
        self.objects, self.sessions, self.generation = {}, {}, 0
        # Bytes of sessions in the order they came: (name, from, to).
        self.received = []
        super().__init__()

    def answer(self, asked, headers, body):
        path = asked.path
        if path.startswith("/upload/storage/v1/b/logs/o"):
            if "session" in asked.query:
                return self.go_on(asked, headers, body)
            if asked.query.get("uploadType") == "resumable":
                return self.begin(asked, json.loads(body))
            return self.multipart(asked, headers, body)
        if path.startswith("/storage/v1/b/logs/o/"):
            return self.one(asked, headers, unquote(path.removeprefix("/storage/v1/b/logs/o/")))
        if path.startswith("/logs/") and asked.method == "GET":
            return self.linked(asked, headers)
        return self.refuse(404, "The specified bucket does not exist.")

    def linked(self, asked, headers):
        """By a link that the account's key has signed."""
        query = dict(asked.query)
        scope = query["X-Goog-Credential"].split("/", 1)[1]
        when = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        address, text = asked.target.split("?", 1)
        text, signature = text.split("&X-Goog-Signature=")
        lines = ["GET", address, text, f"host:{headers['Host'].split(':')[0]}", "", "host", "UNSIGNED-PAYLOAD"]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = "\n".join(["GOOG4-RSA-SHA256", query["X-Goog-Date"], scope, digest]).encode()
        try:
            self.key.public_key().verify(bytes.fromhex(signature), text, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return 403, {}, b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"
        if datetime.now(timezone.utc) > when + timedelta(seconds=int(query["X-Goog-Expires"])):
            return 400, {}, b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
        return self.served(headers, asked.path.removeprefix("/logs/"))

    def account(self, path):
        """Writes the key file of a service account."""
        self.key = rsa.generate_private_key(65537, 2048)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_text(json.dumps({
            "type": "service_account", "project_id": "shop", "private_key_id": "1", "client_email": "logs@shop.invalid",
            "private_key": self.key.private_bytes(*form).decode(), "token_uri": f"{self.url}/token",
        }))

    def refuse(self, status, message):
        return status, {"Content-Type": "application/json"}, json.dumps({"error": {"code": status, "message": message}}).encode()

    def described(self, name):
        made, content = self.objects[name]
        text = {"name": name, "bucket": "logs", "size": str(len(content)), "generation": str(made["generation"]),
                "metageneration": "1", "crc32c": base64.b64encode(google_crc32c.Checksum(content).digest()).decode(),
                "metadata": made.get("metadata", {})}
        return 200, {"Content-Type": "application/json"}, json.dumps(text).encode()

    def make(self, described, content, asked):
        name, wanted = described["name"], described.get("crc32c")
        there = self.objects[name][0]["generation"] if name in self.objects else 0
        if "ifGenerationMatch" in asked.query and int(asked.query["ifGenerationMatch"]) != there:
            return self.refuse(412, "At least one of the pre-conditions you specified did not hold.")
        if wanted and base64.b64decode(wanted) != google_crc32c.Checksum(content).digest():
            return self.refuse(400, "Provided CRC32C does not match calculated CRC32C")
        with self.lock:
            self.generation += 1
            self.objects[name] = ({**described, "generation": self.generation}, content)
        return self.described(name)

    def multipart(self, asked, headers, body):
        text = b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
        first, second = email.message_from_bytes(text).get_payload()[:2]
        boundary = headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        content = body.split(b"--" + boundary)[2].split(b"\r\n\r\n", 1)[1][:-2]
        assert second is not None
        described = json.loads(first.get_payload(decode=True))
        return self.make({"name": asked.query["name"], **described}, content, asked)

    def begin(self, asked, described):
        if self.objects.get(asked.query["name"]) and asked.query.get("ifGenerationMatch") == "0":
            return self.refuse(412, "At least one of the pre-conditions you specified did not hold.")
        key = uuid.uuid4().hex
        self.sessions[key] = ({**described, "name": asked.query["name"]}, bytearray(), asked)
        return 200, {"Location": f"{self.url}/upload/storage/v1/b/logs/o?session={key}"}, b""

    def go_on(self, asked, headers, body):
        session = self.sessions.get(asked.query["session"])
        if session is None:
            return self.refuse(410, "the session has ended")
        described, content, begun = session
        span, total = headers["Content-Range"].removeprefix("bytes ").split("/")
        if span != "*":
            self.take(session, int(span.split("-")[0]), body)
        if len(content) == int(total):
            answer = self.make(described, bytes(content), begun)
            if answer[0] != 200:
                self.sessions.pop(asked.query["session"])
            return answer
        return 308, {"Range": f"bytes=0-{len(content) - 1}"} if content else {}, b""

    def take(self, session, at, body):
        described, content, _ = session
        with self.lock:
            # What it has already is not taken again, and nothing after a hole.
            if at <= len(content):
                self.received.append((described["name"], at, at + len(body)))
                content.extend(body[len(content) - at:])

    def torn(self, asked, headers, body):
        session = self.sessions.get(asked.query.get("session"))
        span = (headers.get("Content-Range") or "bytes */0").removeprefix("bytes ").split("/")[0]
        if session and span != "*":
            self.take(session, int(span.split("-")[0]), body[: len(body) // PIECE * PIECE])

    def one(self, asked, headers, name):
        if name not in self.objects:
            return self.refuse(404, f"No such object: logs/{name}")
        if asked.method == "DELETE":
            with self.lock:
                del self.objects[name]
            return 204, {}, b""
        if asked.query.get("alt") != "media":
            return self.described(name)
        return self.served(headers, name)

    def served(self, headers, name):
        if name not in self.objects:
            return self.refuse(404, f"No such object: logs/{name}")
        made, content = self.objects[name]
        crc = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
        answer = {"x-goog-generation": str(made["generation"]), "x-goog-metageneration": "1", "x-goog-hash": f"crc32c={crc}",
                  "x-goog-stored-content-length": str(len(content)), "Content-Type": "application/octet-stream"}
        span = headers.get("Range")
        if not span:
            return 200, answer, content
        first, last = span.removeprefix("bytes=").split("-")
        first, last = int(first), int(last or len(content) - 1)
        answer["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return 206, answer, content[first:last + 1]


class GoogleWorld(World):
    """Runs logtap against it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = Google()

    @classmethod
    def tearDownClass(cls):
        cls.store.stop()
        super().tearDownClass()

    def environment(self):
        return {**super().environment(), "STORAGE_EMULATOR_HOST": self.store.url}
