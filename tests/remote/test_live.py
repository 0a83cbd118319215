"""A capture that is being received is uploaded as it is at one moment."""
import json
import re
import subprocess
import threading
import time
import unittest
import urllib.request

from world import LOGTAP, S3World


class Live(S3World):
    def test_a_consistent_cut(self):
        made = self.fresh("live")
        command = [LOGTAP, "recv", "--headless", "--listen", "127.0.0.1:0", "--redact", "--dir", made, "--max-file", "1MB"]
        receiver = subprocess.Popen(command, stderr=subprocess.PIPE, env=self.environment(), cwd=self.folder)
        type(self).processes.append(receiver)
        url = None
        while url is None:
            found = re.search(rb"http://127\.0\.0\.1:\d+", receiver.stderr.readline())
            url = found and found.group().decode()
        threading.Thread(target=receiver.stderr.read, daemon=True).start()
        sent, stop = [0], threading.Event()

        def push():
            while not stop.is_set():
                first = sent[0]
                values = [[str(1_790_000_000_000_000_000 + n), f"line {n} " + "%x" % (n * 0x9E3779B97F4A7C15 % 2**512) * 3] for n in range(first, first + 500)]
                body = json.dumps({"streams": [{"stream": {"app": "api"}, "values": values}]}).encode()
                request = urllib.request.Request(f"{url}/loki/api/v1/push", body, {"Content-Type": "application/json"})
                urllib.request.urlopen(request).read()
                sent[0] += 500

        sender = threading.Thread(target=push)
        sender.start()
        try:
            places = []
            for round in range(3):
                while sent[0] < 5000 * (round + 1):
                    time.sleep(0.01)
                before = sent[0]
                # While it is sent, the receiver goes on and closes files.
                self.store.pause = 0.05
                done = self.logtap("upload", made, "--to", f"s3://logs/live{round}", "--json")
                self.logtap("snapshot", made, "-o", f"{made}{round}.tar.zst")
                places.append((before, sent[0], json.loads(done.stdout)["destination"]))
        finally:
            stop.set()
            sender.join()
        receiver.terminate()
        receiver.wait(30)
        for round in range(3):
            unpacked = self.fresh("unpacked")
            self.logtap("snapshot", "--extract", f"{made}{round}.tar.zst", "-o", unpacked)
            subprocess.run(["zstd", "-tq", *unpacked.glob("*.zst")], check=True)
        for before, after, place in places:
            down = self.fresh("down")
            self.logtap("download", place, down)
            lines = self.logtap("grep", "--json", "", down).stdout.splitlines()
            numbers = [int(json.loads(line)["msg"].split()[1]) for line in lines]
            self.assertEqual(sorted(numbers), list(range(len(numbers))), "the first so many lines, each once")
            self.assertLessEqual(before, len(numbers))
            self.assertLessEqual(len(numbers), after + 500)
            # What is copied of a file that grows ends as zstd's own tools expect.
            subprocess.run(["zstd", "-tq", *down.glob("*.zst")], check=True)
            files = {path.name for path in down.iterdir()}
            for line in (down / "index.jsonl").read_text().splitlines() if "index.jsonl" in files else []:
                self.assertIn(json.loads(line)["file"], files)


if __name__ == "__main__":
    unittest.main()
