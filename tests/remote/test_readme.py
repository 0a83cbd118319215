"""The command lines of the README of logtap 1.x that need a bucket, through a shell."""
import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from world import LOGTAP, S3World, capture, contents

TABLE = (Path(__file__).parents[1] / "kit/src/readme.rs").read_text()
LINES = re.findall(r'\("(logtap .*)", Needs::Bucket\)', TABLE)


class Readme(S3World):
    """In a directory with a capture, and a bucket of the name that the lines have."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client.create_bucket(Bucket="bucket")
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin/logtap").symlink_to(Path(LOGTAP).resolve())

    def run_line(self, line, folder):
        self.assertIn(line, LINES, "it stands in the table")
        for name, stand_in in [("<dir>", "./capture"), ("s3://...", "s3://bucket/shared")]:
            self.assertIn(f'"{name}", "{stand_in}"', TABLE, "what takes its place is told")
            line = line.replace(name, stand_in)
        _, variables = self.command()
        variables["PATH"] = f"{self.folder}/bin:{os.environ['PATH']}"
        done = subprocess.run(line, shell=True, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_lines_of_1_x_do_what_they_promised(self):
        folder = self.fresh("desk")
        made = capture(folder / "capture", [1], identity="readme")
        before = contents(made)
        ran = []

        def run(line):
            ran.append(line)
            return self.run_line(line, folder)

        shared = json.loads(run("logtap upload <dir> --to s3://... --share --json"))
        listed = subprocess.run(["curl", "-sS", "--fail", shared["share_url"]], capture_output=True, check=True)
        self.assertEqual([file["path"] for file in json.loads(listed.stdout)["files"]], sorted(before))
        self.assertIn("s3://bucket/prefix/readme", run("logtap upload ./capture s3://bucket/prefix"))
        shutil.rmtree(made)
        run("logtap download s3://bucket/prefix --out ./capture")
        self.assertEqual(contents(made), before)
        self.assertEqual(sorted(ran), sorted(LINES), "all that need a bucket")

    def test_the_only_capture_at_a_place(self):
        made = capture(self.fresh("capture"), [1], identity="one")
        self.logtap("upload", made, "s3://logs/only")
        down = self.fresh("down")
        self.logtap("download", "s3://logs/only", down)
        self.same(made, down)
        # Another one: which?
        other = capture(self.fresh("capture"), [1], identity="other")
        self.logtap("upload", other, "s3://logs/only")
        done = self.logtap("download", "s3://logs/only", self.fresh("down"), code=2)
        self.assertIn("s3://logs/only/other", done.stderr)
        self.logtap("download", "s3://logs/onl", self.fresh("down"), code=3)
        # Who may not list is told what was told before.
        self.store.fault("GET .*list-type", times=9, status=403)
        self.logtap("download", "s3://logs/only", self.fresh("down"), code=3)
        self.logtap("upload", made, code=2)
        self.logtap("upload", made, "s3://logs/x", "--to", "s3://logs/y", code=2)


if __name__ == "__main__":
    unittest.main()
