"""Manifests and lists that ask for files elsewhere."""
import hashlib
import json
import unittest

import google_crc32c

from world import S3World

NAMES = """../x.jsonl ../../x.jsonl ..  . ../metadata.json /etc/cron.d/x.jsonl /x.jsonl //x.jsonl a/../../x.jsonl
sub/x.jsonl ./x.jsonl x.jsonl/ x/../y.jsonl ..\\x.jsonl ..\\..\\x.jsonl C:\\x.jsonl C:x.jsonl \\\\host\\x.jsonl
~/x.jsonl ~root/x.jsonl $HOME/x.jsonl %2e%2e%2fx.jsonl ..%2fx.jsonl ..%5cx.jsonl %00x.jsonl .x.jsonl .ssh.jsonl
.logtap.lock .metadata.json -rf.jsonl --out.jsonl x.jsonl.tmp metadata.json.tmp config authorized_keys x.sh x.json
x.so x.jsonl.zst.exe |x.jsonl x;y.jsonl `x`.jsonl $(x).jsonl x*.jsonl file:///x.jsonl""".split() + [
    "", " ", "x y.jsonl", "x\n.jsonl", "x\r.jsonl", "x\t.jsonl", "x\0.jsonl", "\u202ex.jsonl", "．．/x.jsonl", "‥/x.jsonl",
    "ä.jsonl", "x" * 250 + ".jsonl", "\x1b[2Jx.jsonl", "../" * 40 + "x.jsonl", "metadata.json/../../x.jsonl", "x\u200b.jsonl",
]


class Hostile(S3World):
    def test_names(self):
        self.assertGreaterEqual(len(set(NAMES)), 50)
        body = b'{"version":1,"format":"jsonl","started":"2026-01-15T10:32:00Z"}'
        sums = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "crc32c": google_crc32c.Checksum(body).hexdigest().decode()}
        good = {"path": "metadata.json", **sums}
        inner = self.fresh("inner")
        inner.mkdir()
        before = sorted(str(path) for path in self.folder.rglob("*") if "home" not in path.parts)
        for n, name in enumerate(NAMES):
            with self.subTest(name=name):
                manifest = {"format": "logtap-manifest", "version": 1, "capture_id": "x", "tool": "x", "redacted": True,
                            "files": [good, {"path": name, **sums}]}
                self.object(f"hostile/{n}/manifest.json", json.dumps(manifest).encode())
                done = self.logtap("download", f"s3://logs/hostile/{n}", inner / "down", code=2)
                self.assertNotIn("\x1b", done.stderr)
                url = f"{self.store.url}/logs/hostile/{n}/x"
                shared = {"format": "logtap-share", "version": 1, "capture_id": "x", "expires": "x",
                          "files": [{**good, "url": url}, {"path": name, **sums, "url": url}]}
                self.store.fault("GET /list", status=200, body=json.dumps(shared).encode())
                self.logtap("download", f"{self.store.url}/list", inner / "down", code=2)
        after = sorted(str(path) for path in self.folder.rglob("*") if "home" not in path.parts)
        self.assertEqual(after, before, "no file appeared anywhere")
        self.assertFalse([asked for asked in self.store.log if "/files/" in asked.path], "and none was asked for")

    def test_other_lies(self):
        good = {"path": "metadata.json", "size": 2, "sha256": "0" * 64, "crc32c": "0" * 8}
        for n, (files, code) in enumerate([
            ([good, good], 2),
            ([good, {**good, "path": "METADATA.JSON.sig"}, {**good, "path": "metadata.json.sig"}], 2),
            ([{**good, "sha256": "../../../../x"}], 6),
            ([{**good, "crc32c": "x"}], 6),
            ([{**good, "size": -1}], 6),
            ([{**good, "size": 1 << 64}], 6),
            ([{**good, "size": (1 << 64) - 1}, {**good, "path": "x.jsonl", "size": 5}], 2),
            ([], 6),
        ]):
            with self.subTest(files=files):
                manifest = {"format": "logtap-manifest", "version": 1, "capture_id": "x", "tool": "x", "redacted": True, "files": files}
                self.object(f"lies/{n}/manifest.json", json.dumps(manifest).encode())
                down = self.fresh("down")
                self.logtap("download", f"s3://logs/lies/{n}", down, code=code)
                self.assertFalse(down.exists())
        self.object("lies/later/manifest.json", b'{"format":"logtap-manifest","version":2}')
        self.assertIn("version 2", self.logtap("download", "s3://logs/lies/later", self.fresh("down"), code=2).stderr)


if __name__ == "__main__":
    unittest.main()
