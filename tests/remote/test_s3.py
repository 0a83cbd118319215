"""Uploads to S3 and downloads from it, through moto and a strict server before it."""
import base64
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import boto3
import google_crc32c

from world import MIB, S3World, capture, contents


class S3(S3World):
    def uploaded(self, sizes=(1, 20), **keys):
        made = capture(self.fresh("capture"), sizes, identity=self.fresh("id").name, **keys)
        self.place = f"s3://logs/inc/{json.loads((made / 'metadata.json').read_text())['capture_id']}"
        self.prefix = self.place.removeprefix("s3://logs/")
        self.logtap("upload", made, "--to", "s3://logs/inc")
        return made

    def test_there_and_back(self):
        made = self.uploaded()
        order = [asked.path for asked in self.store.log if asked.method in ("PUT", "POST") and asked.status == 200]
        self.assertTrue(order[-1].endswith("/manifest.json"), "the manifest comes last")
        manifest = json.loads(self.object(f"{self.prefix}/manifest.json"))
        self.assertEqual((manifest["format"], manifest["version"], manifest["redacted"]), ("logtap-manifest", 1, True))
        self.assertEqual([file["path"] for file in manifest["files"]], sorted(contents(made)))
        self.assertFalse([key for key in self.keys(self.prefix) if "audit" in key])
        down = self.fresh("down")
        done = self.logtap("download", self.place, down, "--json")
        self.assertEqual(json.loads(done.stdout)["files"], 3)
        self.documented("fetch", done.stdout)
        self.same(made, down)
        self.logtap("download", self.place, down, code=2)  # never over what is there
        # The same again sends nothing; 1.x's flags; a directory named after the capture.
        self.store.forget()
        done = self.logtap("upload", made, "--to", "s3://logs/inc", "--json")
        self.assertEqual(json.loads(done.stdout)["outcome"], "same")
        self.documented("upload", done.stdout)
        self.assertFalse([asked for asked in self.store.log if asked.method in ("PUT", "POST")])
        self.logtap("download", self.place, "-o", self.fresh("down"), "--concurrency", 1)
        self.logtap("download", self.place)
        self.same(made, self.folder / self.place.rsplit("/", 1)[1])

    def test_a_snapshot_goes_as_the_capture_in_it(self):
        made = capture(self.fresh("capture"), [1, 20], identity="packed")
        packed = self.fresh("packed").with_suffix(".tar.zst")
        self.logtap("snapshot", made, "--output", packed)
        before = packed.read_bytes()
        self.logtap("upload", packed, "--to", "s3://logs/a")
        down = self.fresh("down")
        self.logtap("download", "s3://logs/a/packed", down)
        self.same(made, down)
        self.assertTrue(packed.read_bytes() == before)
        # The directory is the same capture: nothing of it is sent.
        self.store.forget()
        done = self.logtap("upload", made, "--to", "s3://logs/a", "--json")
        self.assertEqual(json.loads(done.stdout)["outcome"], "same")
        self.assertFalse([asked for asked in self.store.log if asked.method in ("PUT", "POST")])
        # What is unredacted stays here, packed or not; a torn archive leaves nothing there.
        bare = capture(self.fresh("capture"), [1], redacted=False, identity="bare")
        packed = self.fresh("bare").with_suffix(".tar.zst")
        self.logtap("snapshot", bare, "--output", packed)
        self.logtap("upload", packed, "--to", "s3://logs/a", code=2)
        torn = self.fresh("torn").with_suffix(".tar.zst")
        torn.write_bytes(before[: len(before) // 2])
        self.logtap("upload", torn, "--to", "s3://logs/a", code=2)
        self.assertEqual({key.split("/")[1] for key in self.keys("a/")}, {"packed"})

    def test_sessions_are_private_and_end(self):
        made = capture(self.fresh("capture"), [20], identity="sessions")
        self.store.fault("PUT .*partNumber=2", times=99, status=500)
        state = {"XDG_STATE_HOME": str(self.fresh("state"))}
        self.logtap("upload", made, "--to", "s3://logs/p", code=5, environment=state)
        folder = Path(state["XDG_STATE_HOME"]) / "logtap/uploads"
        (kept,) = folder.glob("*.json")
        self.assertEqual((kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777), (0o600, 0o700))
        self.assertEqual(json.loads(kept.read_text())["version"], 1)
        self.logtap("download", "s3://logs/p/sessions", self.fresh("down"), code=3)
        self.store.forget()
        self.logtap("upload", made, "--to", "s3://logs/p", environment=state)
        sent = sorted(asked.query["partNumber"] for asked in self.store.log if "partNumber" in asked.query)
        self.assertEqual(sent, ["2"], "parts that had arrived are not sent again")
        self.assertEqual(list(folder.iterdir()), [], "nothing is left of a complete upload")

    def killed(self, identity, sizes=(36,)):
        """An upload of five parts of which the third did not come, and the machine that remembered it is gone."""
        made = capture(self.fresh("capture"), sizes, identity=identity)
        self.store.fault("PUT .*partNumber=3", times=99, status=500)
        self.logtap("upload", made, "--to", "s3://logs/lost", code=5, environment=self.machine())
        self.store.forget()
        return made

    def machine(self):
        return {"XDG_STATE_HOME": str(self.fresh("state"))}

    def parts_sent(self):
        return sorted(asked.query["partNumber"] for asked in self.store.log if asked.method == "PUT" and "partNumber" in asked.query)

    def unfinished(self, identity):
        listed = self.client.list_multipart_uploads(Bucket="logs").get("Uploads", [])
        return [one for one in listed if f"/{identity}/" in one["Key"]]

    def test_another_machine_goes_on(self):
        made = self.killed("gone-on")
        self.logtap("upload", made, "--to", "s3://logs/lost", environment=self.machine())
        self.assertEqual(self.parts_sent(), ["3"], "parts that had arrived are not sent again")
        self.assertEqual(self.unfinished("gone-on"), [])
        down = self.fresh("down")
        self.logtap("download", "s3://logs/lost/gone-on", down)
        self.same(made, down)
        # Without the right to look, or where nobody knows: from the beginning.
        for n, fault in enumerate([{"status": 403}, {"status": 501}]):
            made = self.killed(f"unseen-{n}")
            self.store.fault("GET .*uploads", times=99, **fault)
            self.logtap("upload", made, "--to", "s3://logs/lost", environment=self.machine())
            self.assertEqual(self.parts_sent(), ["1", "2", "3", "4", "5"])

    def test_uploads_of_others_are_neither_believed_nor_given_up(self):
        made = self.killed("foreign")
        (own,) = self.unfinished("foreign")
        key, part = own["Key"], 8 * MIB
        content = (made / "2026-01-15T103200-000.jsonl").read_bytes()
        through = boto3.client("s3", endpoint_url=self.store.url, aws_access_key_id="test", aws_secret_access_key="secret", region_name="us-east-1")
        # Other bytes of the same size, other sizes, and no sums that could be compared.
        wrong = [
            ({"ChecksumAlgorithm": "CRC32C"}, [(n, content[n * part:][:part][::-1]) for n in range(5)]),
            ({"ChecksumAlgorithm": "CRC32C"}, [(n, content[n * 5 * MIB:][:5 * MIB]) for n in range(5)]),
            ({"ChecksumAlgorithm": "SHA256"}, [(n, content[n * part:][:part]) for n in range(5)]),
        ]
        for said, parts in wrong:
            made_there = through.create_multipart_upload(Bucket="logs", Key=key, **said)["UploadId"]
            for n, body in parts:
                self.client.upload_part(Bucket="logs", Key=key, UploadId=made_there, PartNumber=n + 1, Body=body)
                self.store.sums[made_there, str(n + 1)] = base64.b64encode(google_crc32c.Checksum(body).digest()).decode()
        self.client.abort_multipart_upload(Bucket="logs", Key=key, UploadId=own["UploadId"])
        self.store.forget()
        self.logtap("upload", made, "--to", "s3://logs/lost", environment=self.machine())
        self.assertEqual(self.parts_sent(), ["1", "2", "3", "4", "5"])
        self.assertEqual(len(self.unfinished("foreign")), len(wrong), "they may be somebody's who is at work")
        down = self.fresh("down")
        self.logtap("download", "s3://logs/lost/foreign", down)
        self.same(made, down)

    def test_what_is_there_is_kept(self):
        made = self.uploaded([1])
        with open(made / "2026-01-15T103299-000.jsonl", "w") as out:
            out.write('{"ts":"2026-01-15T10:40:00Z","labels":{},"msg":"more"}\n')
        before = self.object(f"{self.prefix}/manifest.json")
        done = self.logtap("upload", made, "--to", "s3://logs/inc", code=2)
        self.assertIn("another state", done.stderr)
        self.assertEqual(self.object(f"{self.prefix}/manifest.json"), before)
        self.object(f"{self.prefix}/notes.txt", b"somebody's")
        (made / "2026-01-15T103200-000.jsonl").unlink()
        self.assertEqual(json.loads(self.logtap("upload", made, "--to", "s3://logs/inc", "--force", "--json").stdout)["outcome"], "replaced")
        self.assertEqual(self.object(f"{self.prefix}/notes.txt"), b"somebody's")
        keys = self.keys(self.prefix)
        self.assertFalse([key for key in keys if key.endswith("103200-000.jsonl")], "what the former one had alone is gone")
        down = self.fresh("down")
        self.logtap("download", self.place, down)
        self.same(made, down)
        # A manifest.json that is not logtap's, or another capture's, stays whatever is asked for.
        for foreign in [b"{}", json.dumps({**json.loads(before), "capture_id": "other"}).encode()]:
            self.object(f"{self.prefix}/manifest.json", foreign)
            self.logtap("upload", made, "--to", "s3://logs/inc", "--force", code=2)
            self.assertEqual(self.object(f"{self.prefix}/manifest.json"), foreign)

    def test_two_at_the_same_time(self):
        made = capture(self.fresh("capture"), [20, 20], identity="both")
        self.store.pause = 0.05
        running = self.begun("upload", made, "--to", "s3://logs/two")
        while not self.store.log:
            pass
        self.logtap("upload", made, "--to", "s3://logs/two", code=5)  # the same user: said at once
        other = {"XDG_STATE_HOME": str(self.fresh("state"))}
        self.logtap("upload", made, "--to", "s3://logs/two", environment=other)  # another machine
        self.assertEqual(running.wait(60), 0, running.stderr.read())
        down = self.fresh("down")
        self.logtap("download", "s3://logs/two/both", down)
        self.same(made, down)

    def test_unredacted_stays_here(self):
        made = capture(self.fresh("capture"), [1], redacted=False, identity="raw")
        for more in ([], ["--share"], ["--force"]):
            done = self.logtap("upload", made, "--to", "s3://logs/inc", *more, code=2)
            self.assertIn("--allow-unredacted", done.stderr)
        self.assertEqual(self.store.log, [], "nothing was even asked")
        self.logtap("upload", made, "--to", "s3://logs/inc", "--allow-unredacted")
        self.assertTrue([key for key in self.keys("inc/raw") if key.endswith("audit.jsonl")])

    def test_misuse(self):
        made = capture(self.fresh("capture"), [1])
        for args, code in [
            (["upload", made, "--to", "s3://logs", "--concurrency", "0"], 2),
            (["upload", made, "--to", "logs/x"], 2),
            (["upload", made, "--to", "s3://logs/../x"], 2),
            (["upload", made], 2),
            (["upload", made, "--to", "s3://logs", "--share", "--expires", "8d"], 2),
            (["upload", made, "--to", "s3://logs", "--share", "--expires", "0h"], 2),
            (["upload", self.folder / "nowhere", "--to", "s3://logs"], 3),
            (["upload", made, "--to", "s3://nobucket/x"], 3),
            (["download", "s3://nobucket/x", self.fresh("d")], 3),
            (["download", "s3://logs/nothing/there", self.fresh("d")], 3),
            (["download", "s3://logs/x", self.fresh("d"), "--follow"], 2),
            (["download", "s3://logs/x", "/nowhere/at/all"], 3),
        ]:
            with self.subTest(args=args):
                self.logtap(*args, code=code)
        nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
        self.logtap("download", "s3://logs/x", self.fresh("d"), code=4, environment=nobody)
        self.logtap("upload", made, "--to", "s3://logs/x", code=4, environment=nobody)
        nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "2"}
        self.logtap("download", "s3://logs/x", self.fresh("d"), code=5, environment=nowhere)
        for status, code, exit in [(403, "AccessDenied", 4), (400, "ExpiredToken", 4), (403, "SignatureDoesNotMatch", 4)]:
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.store.fault("GET .*manifest", status=status, body=body)
            self.assertIn(code, self.logtap("download", "s3://logs/x", self.fresh("d"), code=exit).stderr)

    def test_credentials_of_a_profile(self):
        made = capture(self.fresh("capture"), [1], identity="profile")
        folder = self.folder / "home/.aws"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text(
            f"[profile team]\nregion = eu-west-1\nendpoint_url = {self.store.url}\ncredential_process = echo "
            '\'{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s"}\'\n')
        gone = {name: None for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL")}
        self.logtap("upload", made, "--to", "s3://logs/inc", environment={**gone, "AWS_PROFILE": "team"})
        shutil.rmtree(folder)
        self.assertTrue([asked for asked in self.store.log if asked.path == "/logs/inc/profile/manifest.json"])

    def test_a_flipped_byte_is_named(self):
        made = self.uploaded([1, 2])
        name = "2026-01-15T103201-000.jsonl"
        (key,) = [key for key in self.keys(self.prefix) if key.endswith(name)]
        content = bytearray((made / name).read_bytes())
        content[1_000_000] ^= 1
        self.object(key, bytes(content))
        self.damaged(name)
        self.object(key, bytes(content[:-10]))
        self.damaged(name)
        self.object(key, bytes(content) + b"x")
        self.damaged(name)
        self.client.delete_object(Bucket="logs", Key=key)
        self.damaged(name)

    def damaged(self, name):
        down = self.fresh("down")
        done = self.logtap("download", self.place, down, code=6)
        self.assertIn(name, done.stderr)
        self.assertFalse(down.exists())
        self.assertFalse(list(self.folder.glob(f".{down.name}*")), "nothing is left")

    def test_a_full_disk_leaves_nothing(self):
        self.uploaded([8])
        full = self.fresh("full")
        full.mkdir()
        if os.geteuid() != 0:
            self.fail("this test mounts a small file system: run it as root")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", full], check=True)
        try:
            done = self.logtap("download", self.place, full / "down", code=1)
            self.assertIn("make room", done.stderr)
            self.assertEqual(list(full.iterdir()), [])
        finally:
            subprocess.run(["umount", full], check=True)

    def test_cancelled(self):
        made = capture(self.fresh("capture"), [40], identity="cancelled")
        self.store.pause = 0.2
        running = self.begun("upload", made, "--to", "s3://logs/c")
        while not [asked for asked in self.store.log if "partNumber" in asked.query]:
            pass
        running.terminate()
        self.assertEqual(running.wait(10), 130, running.stderr.read())
        self.assertFalse([key for key in self.keys("c/cancelled") if key.endswith("manifest.json")])
        self.store.forget()
        self.logtap("upload", made, "--to", "s3://logs/c")
        self.store.forget()
        down = self.fresh("down")
        self.store.fault("GET .*files/", times=99, status=503, headers={"Retry-After": "1"})
        running = self.begun("download", "s3://logs/c/cancelled", down)
        while not [asked for asked in self.store.log if "/files/" in asked.path]:
            pass
        running.terminate()
        self.assertEqual(running.wait(10), 130, running.stderr.read())
        self.assertFalse(down.exists())

    def test_faults_on_the_way(self):
        made = capture(self.fresh("capture"), [1, 20], identity="faults")
        slow = b"<Error><Code>SlowDown</Code><Message>x</Message></Error>"
        faults = [
            self.store.fault("PUT .*partNumber=1", status=503, headers={"Retry-After": "1"}, body=slow),
            self.store.fault("PUT .*partNumber=2", status=429, headers={"Retry-After": "1"}),
            self.store.fault("PUT .*partNumber=3", swallow=True),
            self.store.fault("POST .*uploadId", swallow=True),
            self.store.fault("PUT .*metadata.json", swallow=True),
            self.store.fault("PUT .*manifest.json", swallow=True),
        ]
        self.logtap("upload", made, "--to", "s3://logs/inc")
        down = self.fresh("down")
        faults += [
            self.store.fault("GET .*103201-000", cut=3 * MIB),
            self.store.fault("GET .*103201-000", cut=5 * MIB),
            self.store.fault("GET .*metadata.json", status=503),
        ]
        self.logtap("download", "s3://logs/inc/faults", down)
        self.assertEqual([fault.happened for fault in faults], [1] * len(faults))
        self.same(made, down)
        taken_up = [asked.range for asked in self.store.log if asked.range and "103201-000" in asked.path]
        self.assertEqual(len(taken_up), 2, "a cut download goes on where it was cut")


if __name__ == "__main__":
    unittest.main()
