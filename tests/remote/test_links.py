"""Links: who can use them, until when, and what they cannot do."""
import json
import os
import subprocess
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

from world import S3World, capture


class Links(S3World):
    def shared(self, *more, identity="shared", environment=None):
        self.made = self.fresh("capture")
        capture(self.made, [1], identity=identity)
        done = self.logtap("upload", self.made, "--to", "s3://logs/inc", "--share", "--json", *more, environment=environment)
        self.documented("upload", done.stdout)
        return json.loads(done.stdout), done.stderr

    def by_link(self, link, code=0):
        down = self.fresh("down")
        nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_ENDPOINT_URL": None}
        done = self.logtap("download", link, down, code=code, environment=nobody)
        self.assertEqual(down.exists(), code == 0)
        self.assertNotIn("X-Amz-Signature", done.stdout + done.stderr)
        return down, done

    def test_by_anybody(self):
        report, _ = self.shared("--expires", "1h", identity="anybody")
        down, _ = self.by_link(report["share_url"])
        self.same(self.made, down)
        listed = subprocess.run(["curl", "-sS", "--fail", report["share_url"]], capture_output=True, check=True)
        for file in json.loads(listed.stdout)["files"]:
            got = subprocess.run(["curl", "-sS", "--fail", file["url"]], capture_output=True, check=True).stdout
            self.assertEqual(got, (self.made / file["path"]).read_bytes())
        # As docs/buckets.md says.
        into = self.fresh("curl")
        into.mkdir()
        said = """curl -s "$LINK" | jq -r '.files[] | "url=\\"\\(.url)\\"\\noutput=\\"\\(.path)\\""' | curl -K -"""
        self.assertIn(said, (Path(__file__).parents[2] / "docs/buckets.md").read_text())
        subprocess.run(said, shell=True, cwd=into, env={**os.environ, "LINK": report["share_url"]}, capture_output=True, check=True)
        self.same(self.made, into)
        self.assertEqual(sorted(report["share_urls"]), sorted(file["path"] for file in json.loads(listed.stdout)["files"]))
        ends = datetime.fromisoformat(report["expires"][:19] + "+00:00") - datetime.now(timezone.utc)
        self.assertTrue(timedelta(minutes=58) < ends <= timedelta(hours=1), ends)
        # A second link to what is there already; 1.x's flag.
        again = self.logtap("upload", self.made, "--to", "s3://logs/inc", "--share", "--expiry", "2h").stdout.splitlines()
        self.by_link(again[-1])

    def test_the_credentials_end_earlier(self):
        ends = datetime.now(timezone.utc) + timedelta(minutes=20)
        folder = self.folder / "home/.aws"
        folder.mkdir(parents=True, exist_ok=True)
        said = json.dumps({"Version": 1, "AccessKeyId": "AKIDTEMPORARY", "SecretAccessKey": "other", "SessionToken": "t",
                           "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})
        (folder / "config").write_text(f"[default]\ncredential_process = echo '{said}'\n")
        keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        report, said = self.shared("--expires", "24h", identity="temporary", environment=keys)
        (folder / "config").unlink()
        self.assertLess(abs(datetime.fromisoformat(report["expires"][:19] + "+00:00") - ends), timedelta(seconds=5))
        self.assertIn("when the credentials that signed it do", said)
        self.by_link(report["share_url"])

    def test_ended_and_tampered(self):
        report, _ = self.shared("--expires", "1h", identity="tampered")
        link = report["share_url"]
        for wrong in [
            link.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"),
            link.replace("X-Amz-Expires=3600", "X-Amz-Expires=691200"),
            link[:-4] + "0000",
            link.replace("/share/", "/files/"),
            link.split("?")[0],
        ]:
            self.assertIn("expired", self.by_link(wrong, code=4)[1].stderr + "expired" * wrong.count("691200"))
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        self.store.fault("GET .*/share/", status=403, body=body)
        self.assertIn("Request has expired", self.by_link(link, code=4)[1].stderr)
        # It ends in the midst: what came stays for a new one.
        self.store.fault("GET .*/files/.*jsonl", status=403, body=body)
        down, _ = self.by_link(link, code=4)
        self.store.forget()
        self.logtap("download", link, down)
        self.assertEqual(len([asked for asked in self.store.log if "metadata.json" in asked.path]), 0)

    def test_faults_on_the_way(self):
        report, _ = self.shared(identity="linkfaults")
        faults = [
            self.store.fault("GET .*/share/", status=429, headers={"Retry-After": "0"}),
            self.store.fault("GET .*/share/", cut=0),
            self.store.fault("GET .*/files/.*jsonl", status=502),
            self.store.fault("GET .*/files/.*jsonl", cut=300_000),
        ]
        down, _ = self.by_link(report["share_url"])
        self.same(self.made, down)
        self.assertEqual([fault.happened for fault in faults], [1] * 4)
        self.store.forget()
        self.store.fault("GET .*/files/.*jsonl", flip=70_000)
        _, done = self.by_link(report["share_url"], code=6)
        self.assertIn("2026-01-15T103200-000.jsonl", done.stderr)
        # Somebody waits as long as he is asked to.
        self.store.forget()
        self.store.fault("GET .*/share/", status=503, headers={"Retry-After": "2"})
        self.by_link(report["share_url"])
        first, second = [asked for asked in self.store.log if "/share/" in asked.path]
        self.assertGreaterEqual(second.began - first.began, 1.9)

    def test_what_is_no_list(self):
        for content, code in [(b"<html>", 6), (b"{}", 6), (b'{"format":"logtap-share","version":2,"capture_id":"","expires":"","files":[]}', 2)]:
            self.store.fault("GET /odd", status=200, body=content)
            self.by_link(f"{self.store.url}/odd", code=code)
        for elsewhere in ["file:///etc/passwd", "ftp://127.0.0.1/x", "nonsense"]:
            entry = {"path": "metadata.json", "size": 1, "sha256": "0" * 64, "crc32c": "0" * 8, "url": elsewhere}
            content = {"format": "logtap-share", "version": 1, "capture_id": "x", "expires": "", "files": [entry]}
            self.store.fault("GET /odd", status=200, body=json.dumps(content).encode())
            self.by_link(f"{self.store.url}/odd", code=2)
        self.store.fault("GET /odd", status=302, headers={"Location": self.store.url + "/logs"})
        self.by_link(f"{self.store.url}/odd", code=4)
        self.logtap("download", f"{self.store.url}/odd", code=2)  # no directory is named
        self.assertFalse(os.path.exists(self.folder / "odd"))


if __name__ == "__main__":
    unittest.main()
