"""kill -9 at random moments of uploads and downloads. LOGTAP_KILLS says how many of each (default 8)."""
import collections
import os
import random
import shutil
import subprocess
import time
import unittest

from google import GoogleWorld
from world import S3World, capture

KILLS = int(os.environ.get("LOGTAP_KILLS", "8"))
STREAMS = 3


class Killed:
    """Runs a command and kills it at a random moment, until it has ended by itself."""

    def kill_until_done(self, *args, most):
        kills = 0
        while True:
            before, requests = len(self.store.log), random.randint(1, most)
            running = self.begun(*args, "--concurrency", STREAMS)
            # Counted in requests, so that a slow machine kills at the same places.
            while len(self.store.log) < before + requests and running.poll() is None:
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.08))
            running.kill()
            output, said = running.communicate()
            if running.returncode == 0:
                return kills
            self.assertEqual(running.returncode, -9, said)
            kills += 1
            self.assertLess(kills, 100, "it never gets any further")
            if self.nothing_half():
                return kills  # it was done, and could not say so any more

    def whole_or_not_there(self, made):
        """A download says that there is no capture, or, once its last byte was sent, brings all of it."""
        pause, self.store.pause = self.store.pause, 0
        there = self.fresh("there")
        command, variables = self.command("download", self.place, there)
        done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=self.folder)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertEqual(there.exists(), done.returncode == 0)
        if there.exists():
            self.same(made, there)
            shutil.rmtree(there)
        self.store.pause = pause

    def many(self, one):
        """Repeats until there were enough kills."""
        kills = rounds = 0
        while kills < KILLS:
            rounds += 1
            kills += one(rounds)
        print(f"{kills} kills in {rounds} rounds", end=" ", flush=True)


class S3(Killed, S3World):
    def test_uploads(self):
        made = capture(self.fresh("capture"), [17, 18, 1, 25], identity="killed")
        self.nothing_half = lambda: self.whole_or_not_there(made)

        def one(n):
            self.store.forget()
            self.store.pause = 0.06
            self.place = f"s3://logs/kills{n}/killed"
            kills = self.kill_until_done("upload", made, "--to", f"s3://logs/kills{n}", most=14)
            self.store.pause = 0
            self.sent_once(kills)
            down = self.fresh("down")
            self.logtap("download", self.place, down)
            self.same(made, down)
            shutil.rmtree(down)
            for key in self.keys(f"kills{n}/"):
                self.client.delete_object(Bucket="logs", Key=key)
            return kills

        self.many(one)
        self.assertEqual(list((self.folder / "home/.local/state/logtap/uploads").iterdir()), [])

    def sent_once(self, kills):
        """What was stored before the store was asked what it has is never sent again."""
        stored, known, tries = {}, set(), collections.Counter()
        events = [(asked.began, 0, asked) for asked in self.store.log]
        events += [(asked.ended, 1, asked) for asked in self.store.log if asked.ended and asked.status == 200]
        for _, ended, asked in sorted(events, key=lambda event: event[:2]):
            what = (asked.path, asked.query.get("uploadId"), asked.query.get("partNumber"))
            sends = asked.method == "PUT"
            if ended and sends:
                stored[what] = asked
            elif not ended and asked.method == "HEAD" or "uploadId" in asked.query and asked.method == "GET":
                # Whoever asks now is told of what is stored now.
                known |= {one for one in stored if one[:2] == what[:2]}
            elif not ended and sends:
                self.assertNotIn(what, known, "it was there and was sent again")
                tries[what] += 1
        again = sum(tries.values()) - len(tries)
        self.assertLessEqual(again, kills * STREAMS, "at most one part per stream is sent again")
        begun = collections.Counter(asked.path for asked in self.store.log if asked.method == "POST" and "uploads" in asked.query)
        self.assertLessEqual(sum(begun.values()) - len(begun), kills * STREAMS)
        type(self).again = getattr(self, "again", 0) + again
        print(f"[{kills} kills, {again} of {sum(tries.values())} sends again]", end=" ", flush=True)

    def test_downloads(self):
        made = capture(self.fresh("capture"), [7, 8, 1, 9, 3], identity="fetched")
        self.logtap("upload", made, "--to", "s3://logs/inc")
        size = sum(path.stat().st_size for path in made.iterdir())
        self.place = "s3://logs/inc/fetched"

        def one(n):
            self.store.forget()
            self.store.pause = 0.06
            target = self.fresh("down")

            def nothing_half():
                if target.exists():
                    self.same(made, target)
                return target.exists()

            self.nothing_half = nothing_half
            kills = self.kill_until_done("download", self.place, target, most=6)
            self.store.pause = 0
            self.same(made, target)            # A file that was whole is not asked for again, and another goes on where it was.
            ranges = collections.defaultdict(list)
            for asked in self.store.log:
                if "/files/" in asked.path:
                    ranges[asked.path].append(int((asked.range or "bytes=0-").removeprefix("bytes=").rstrip("-")))
            for path, begins in ranges.items():
                self.assertEqual(begins, sorted(begins), path)
            self.assertLess(max(begin for begins in ranges.values() for begin in begins), size)
            shutil.rmtree(target)
            return kills

        self.many(one)


class Gcs(Killed, GoogleWorld):
    def test_uploads(self):
        made = capture(self.fresh("capture"), [17, 18, 1, 25], identity="killed")
        self.place = "gs://logs/inc/killed"
        self.nothing_half = lambda: self.whole_or_not_there(made)

        def one(n):
            self.store.forget()
            self.store.received.clear()
            self.store.objects.clear()
            self.store.pause = 0.06
            kills = self.kill_until_done("upload", made, "--to", "gs://logs/inc", most=14)
            self.store.pause = 0
            ends, again = {}, 0
            for name, first, last in self.store.received:
                again += first < ends.get(name, 0)
                ends[name] = max(last, ends.get(name, 0))
            self.assertLessEqual(again, kills * STREAMS)
            down = self.fresh("down")
            self.logtap("download", "gs://logs/inc/killed", down)
            self.same(made, down)
            shutil.rmtree(down)
            print(f"[{kills} kills, {again} of {len(self.store.received)} parts again]", end=" ", flush=True)
            return kills

        self.many(one)


if __name__ == "__main__":
    unittest.main()
