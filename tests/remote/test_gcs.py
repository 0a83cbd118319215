"""Google Cloud Storage: through fake-gcs-server what it does as Google does, the rest through a server of
these tests' own."""
import json
import time
import unittest
import urllib.request

from google import PIECE, GoogleWorld
from world import MIB, World, capture, free_port, wait_for


class Emulator(World):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.start("fake-gcs-server", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory",
                  "-public-host", f"127.0.0.1:{port}", "-external-url", cls.url)
        wait_for(f"{cls.url}/storage/v1/b")
        made = urllib.request.Request(f"{cls.url}/storage/v1/b", b'{"name":"logs"}', {"Content-Type": "application/json"})
        urllib.request.urlopen(made)

    def environment(self):
        return {**super().environment(), "STORAGE_EMULATOR_HOST": self.url.removeprefix("http://")}

    def test_there_and_back(self):
        made = capture(self.fresh("capture"), [1, 20], identity="back")
        for outcome in ("stored", "same"):
            done = self.logtap("upload", made, "--to", "gs://logs/inc", "--json")
            self.assertEqual(json.loads(done.stdout)["outcome"], outcome)
        down = self.fresh("down")
        self.logtap("download", "gs://logs/inc/back", down)
        self.same(made, down)
        with open(made / "2026-01-15T103299-000.jsonl", "w") as out:
            out.write('{"ts":"2026-01-15T10:40:00Z","labels":{},"msg":"more"}\n')
        self.logtap("upload", made, "--to", "gs://logs/inc", code=2)
        self.logtap("upload", made, "--to", "gs://logs/inc", "--force")
        self.logtap("download", "gs://logs/inc/nothing", self.fresh("down"), code=3)
        down = self.fresh("down")
        self.logtap("download", "gs://logs/inc", down)  # the only capture there
        self.same(made, down)
        self.logtap("upload", made, "--to", "gs://nobucket/inc", code=3)

    def test_nobody(self):
        made = capture(self.fresh("capture"), [1])
        adc = self.folder / "adc.json"
        adc.write_text("{}")
        nobody = {"STORAGE_EMULATOR_HOST": None, "GOOGLE_APPLICATION_CREDENTIALS": str(adc)}
        self.logtap("upload", made, "--to", "gs://logs/inc", code=4, environment=nobody)


class Sessions(GoogleWorld):
    def setUp(self):
        self.store.forget()
        self.store.received.clear()

    def there(self, identity, made):
        down = self.fresh("down")
        self.logtap("download", f"gs://logs/inc/{identity}", down)
        self.same(made, down)

    def test_faults_on_the_way(self):
        made = capture(self.fresh("capture"), [1, 20], identity="faults")
        faults = [
            self.store.fault("POST .*resumable", status=503, headers={"Retry-After": "1"}),
            self.store.fault("POST .*multipart.*metadata", status=429, headers={"Retry-After": "0"}),
            self.store.fault("PUT .*session", status=503, headers={"Retry-After": "1"}),
            self.store.fault("PUT .*session", after=2, swallow=True),
            self.store.fault("GET .*103201-000.*media", cut=3 * MIB),
        ]
        self.logtap("upload", made, "--to", "gs://logs/inc")
        self.there("faults", made)
        self.assertEqual([fault.happened for fault in faults], [1] * len(faults))
        self.each_once()

    def each_once(self, again=0):
        """No byte that a session had was sent again, but for `again` parts."""
        ends, twice = {}, 0
        for name, first, last in self.store.received:
            twice += first < ends.get(name, 0)
            ends[name] = max(last, ends.get(name, 0))
        self.assertLessEqual(twice, again)

    def test_what_was_cut_within_a_part(self):
        """Google keeps a multiple of 256 KiB of a part that was cut; the rest of it is sent."""
        made = capture(self.fresh("capture"), [20], identity="cut")
        running = self.begun("upload", made, "--to", "gs://logs/inc")
        kept = 5 * PIECE

        def answer(asked, headers, body, whole=self.store.answer):
            if "session" in asked.query and body and not self.store.received:
                self.store.take(self.store.sessions[asked.query["session"]], 0, body[:kept])
                running.kill()
                return 503, {}, b""
            return whole(asked, headers, body)

        self.store.answer = answer
        running.wait(60)
        del self.store.answer
        self.assertNotIn("logs/inc/cut/manifest.json", self.store.objects)
        self.logtap("upload", made, "--to", "gs://logs/inc")
        self.assertEqual([first for _, first, _ in self.store.received][:2], [0, kept])
        self.each_once()
        self.there("cut", made)

    def test_a_session_that_ended(self):
        made = capture(self.fresh("capture"), [20], identity="ended")
        self.store.fault("PUT .*session", times=99, after=1, status=500)
        self.store.fault("PUT .*session", times=99, after=0, status=400)
        self.logtap("upload", made, "--to", "gs://logs/inc", code=2)
        self.store.forget()
        self.store.sessions.clear()
        self.logtap("upload", made, "--to", "gs://logs/inc")
        self.there("ended", made)

    def test_what_arrives_otherwise(self):
        made = capture(self.fresh("capture"), [20], identity="other")
        take = self.store.take

        def changed(session, at, body):
            take(session, at, bytes([body[0] ^ 1]) + body[1:] if body else body)

        self.store.take = changed
        done = self.logtap("upload", made, "--to", "gs://logs/inc", code=2)
        del self.store.take
        self.assertIn("CRC32C", done.stderr)
        self.assertNotIn("inc/other/manifest.json", self.store.objects)
        self.logtap("upload", made, "--to", "gs://logs/inc")
        self.there("other", made)

    def test_a_flipped_byte_is_named(self):
        made = capture(self.fresh("capture"), [1], identity="flipped")
        self.logtap("upload", made, "--to", "gs://logs/inc")
        (name,) = [name for name in self.store.objects if name.startswith("inc/flipped/files") and name.endswith("jsonl")]
        described, content = self.store.objects[name]
        self.store.objects[name] = described, content[:500] + bytes([content[500] ^ 1]) + content[501:]
        done = self.logtap("download", "gs://logs/inc/flipped", self.fresh("down"), code=6)
        self.assertIn("2026-01-15T103200-000.jsonl", done.stderr)

    def test_links_are_signed_with_the_account_s_key(self):
        made = capture(self.fresh("capture"), [9], identity="linked")
        account = self.fresh("account")
        self.store.account(account)
        environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(account)}
        done = self.logtap("upload", made, "--to", "gs://logs/inc", "--share", "--json", environment=environment)
        link = json.loads(done.stdout)["share_url"]
        nobody = {"STORAGE_EMULATOR_HOST": None}
        down = self.fresh("down")
        self.logtap("download", link, down, environment=nobody)
        self.same(made, down)
        for wrong in [link.replace("Expires=86400", "Expires=86401"), link[:-4] + "0000"]:
            self.logtap("download", wrong, self.fresh("down"), code=4, environment=nobody)
        short = self.logtap("upload", made, "--to", "gs://logs/inc", "--share", "--expires", "1s", environment=environment)
        time.sleep(2.1)
        done = self.logtap("download", short.stdout.split()[-1], self.fresh("down"), code=4, environment=nobody)
        self.assertIn("expired", done.stderr)


if __name__ == "__main__":
    unittest.main()
