"""Stands between logtap and moto, and is as strict as S3 where moto is not: sums of parts and objects,
signatures and ends of links. It keeps a log of all requests and makes faults."""
import base64
import hashlib
import hmac
import http.client
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, urlsplit

import google_crc32c

from faults import Server

SECRETS = {"test": "secret", "AKIDTEMPORARY": "other"}


def error(status, code, message):
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, {"Content-Type": "application/xml"}, text.encode()


class Front(Server):
    def __init__(self, upstream):
        self.upstream = urlsplit(upstream).netloc
        # Sums of parts, by upload and number; moto does not tell them where S3 does.
        self.sums = {}
        super().__init__()

    def answer(self, asked, headers, body):
        wrong = self.wrong_sum(asked, headers, body) or self.wrong_link(asked, headers)
        if wrong:
            return wrong
        # A link's signature is of this server; moto does not look at it.
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        passed = {name: value for name, value in headers.items() if name.lower() not in ("connection", "expect")}
        try:
            connection.request(asked.method, asked.target, body=body, headers=passed)
            answer = connection.getresponse()
            # moto names the list of parts otherwise than S3 does, and than S3's own library expects.
            text = answer.read().replace(b"ListPartsResponse", b"ListPartsResult")
            if answer.status == 200:
                text = self.told(asked, headers, text)
            return answer.status, dict(answer.getheaders()), text
        finally:
            connection.close()

    def told(self, asked, headers, text):
        """What S3 says of sums in its lists."""
        upload = asked.query.get("uploadId")
        if asked.method == "PUT" and upload:
            self.sums[upload, asked.query["partNumber"]] = headers["x-amz-checksum-crc32c"]
        if asked.method == "POST" and "uploads" in asked.query:
            made = re.search(b"<UploadId>(.*?)</UploadId>", text).group(1).decode()
            self.sums[made] = headers.get("x-amz-checksum-algorithm")
        if asked.method == "GET" and upload:
            part = lambda found: found.group(0) + self.said("ChecksumCRC32C", (upload, found.group(1).decode()))
            text = re.sub(b"<PartNumber>(.*?)</PartNumber>", part, text)
        if asked.method == "GET" and "uploads" in asked.query:
            kind = lambda found: found.group(0) + self.said("ChecksumAlgorithm", found.group(1).decode())
            text = re.sub(b"<ChecksumAlgorithm>.*?</ChecksumAlgorithm>|<ChecksumAlgorithm */>", b"", text)
            text = re.sub(b"<UploadId>(.*?)</UploadId>", kind, text)
        return text

    def said(self, name, of):
        return f"<{name}>{self.sums[of]}</{name}>".encode() if self.sums.get(of) else b""

    def wrong_sum(self, asked, headers, body):
        said = headers.get("x-amz-checksum-crc32c")
        if said and base64.b64decode(said) != google_crc32c.Checksum(body).digest():
            return error(400, "BadDigest", "The CRC32C you specified did not match")
        if asked.method == "PUT" and not said:
            return error(400, "InvalidRequest", "these tests want a sum with every body")
        return None

    def wrong_link(self, asked, headers):
        query = asked.query
        if "X-Amz-Signature" not in query:
            if asked.method == "GET" and not headers.get("Authorization"):
                return error(403, "AccessDenied", "Access Denied")
            return None
        key, *scope = query["X-Amz-Credential"].split("/")
        when = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        lasts = int(query["X-Amz-Expires"])
        if lasts > 604800:
            return error(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week")
        if datetime.now(timezone.utc) > when + timedelta(seconds=lasts):
            return error(403, "AccessDenied", "Request has expired")
        if key not in SECRETS:
            return error(403, "InvalidAccessKeyId", "The key you provided does not exist")
        pairs = parse_qsl(urlsplit(asked.target).query, keep_blank_values=True)
        pairs = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in pairs if n != "X-Amz-Signature")
        signed = query["X-Amz-SignedHeaders"].split(";")
        lines = [asked.method, urlsplit(asked.target).path, "&".join(f"{n}={v}" for n, v in pairs)]
        lines += [f"{name}:{headers.get(name, '').strip()}" for name in signed] + ["", ";".join(signed), "UNSIGNED-PAYLOAD"]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], "/".join(scope), digest])
        secret = f"AWS4{SECRETS[key]}".encode()
        for part in scope:
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, query["X-Amz-Signature"]):
            return error(403, "SignatureDoesNotMatch", "The request signature does not match")
        return None
