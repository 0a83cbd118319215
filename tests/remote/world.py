"""The program, captures to carry, and the servers that they are carried to."""
import base64
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import boto3
import jsonschema

from front import Front

LOGTAP = os.environ["LOGTAP_BIN"]
MIB = 1 << 20


def line(n, bytes_of_random=600):
    text = base64.b64encode(random.randbytes(bytes_of_random)).decode()
    stamp = f"2026-01-15T10:32:{n // 100000 % 60:02}.{n % 100000:05}Z"
    return json.dumps({"ts": stamp, "labels": {"app": "api"}, "msg": f"{n} {text}"}) + "\n"


def capture(folder, sizes, redacted=True, identity="4f1c2a9b"):
    """A capture with data files of these sizes, in MiB."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    n = 0
    for number, size in enumerate(sizes):
        written = 0
        with open(folder / f"2026-01-15T1032{number:02}-000.jsonl", "w") as out:
            while written < size * MIB:
                text = line(n)
                written += out.write(text)
                n += 1
    metadata = {"version": 1, "format": "jsonl", "started": "2026-01-15T10:32:00Z",
                "stopped": "2026-01-15T10:33:00Z", "total_lines": n, "capture_id": identity}
    if redacted:
        metadata["redaction"] = {"enabled": True, "patterns": ["email"]}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "audit.jsonl").write_text('{"event":"start"}\n')
    return folder


def contents(folder):
    """Names and bytes, but for what does not travel; a lock that nobody holds may be left of a kill."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name not in ("audit.jsonl", ".logtap.lock")}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(url):
    for _ in range(300):
        try:
            return urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError as answer:
            return answer
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


class World(unittest.TestCase):
    """Runs logtap with an environment of its own."""

    @classmethod
    def setUpClass(cls):
        cls.processes = []
        cls.folder = Path(tempfile.mkdtemp(prefix="logtap-remote-"))

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.kill()
            process.wait()
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, *command):
        log = open(cls.folder / "server.log", "ab")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        cls.processes.append(process)
        return process

    def environment(self):
        return {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}

    def command(self, *args, environment=None):
        """A variable that is None is not set."""
        variables = {**self.environment(), **(environment or {})}
        return [LOGTAP, *map(str, args)], {name: value for name, value in variables.items() if value is not None}

    def logtap(self, *args, code=0, environment=None):
        command, variables = self.command(*args, environment=environment)
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, cwd=self.folder)
        self.assertEqual(done.returncode, code, f"{args}\n{done.stdout}{done.stderr}")
        return done

    def begun(self, *args):
        command, variables = self.command(*args)
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)

    def fresh(self, name):
        self.count = getattr(type(self), "count", 0) + 1
        type(self).count = self.count
        return self.folder / f"{name}-{self.count}"

    def documented(self, name, printed):
        """As the schema says, and nothing that it does not know."""
        schema = json.loads((Path(__file__).parents[2] / f"docs/schema/{name}.v1.json").read_text())
        printed = json.loads(printed)
        jsonschema.validate(printed, schema)
        self.assertLessEqual(set(printed), set(schema["properties"]))

    def same(self, one, other):
        one, other = contents(one), contents(other)
        self.assertEqual(sorted(one), sorted(other))
        for name in one:
            self.assertTrue(one[name] == other[name], f"{name} differs")


class S3World(World):
    """S3 by moto behind a server that is strict and makes faults."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        cls.start("moto_server", "-H", "127.0.0.1", "-p", str(port))
        wait_for(f"http://127.0.0.1:{port}/moto-api/")
        moto = f"http://127.0.0.1:{port}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        cls.client = boto3.client("s3", endpoint_url=moto, **keys)
        cls.client.create_bucket(Bucket="logs")
        cls.store = Front(moto)

    @classmethod
    def tearDownClass(cls):
        cls.store.stop()
        super().tearDownClass()

    def setUp(self):
        self.store.forget()

    def environment(self):
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        return {**super().environment(), **keys, "AWS_ENDPOINT_URL": self.store.url}

    def object(self, key, content=None):
        """Reads or writes an object behind logtap's back."""
        if content is not None:
            return self.client.put_object(Bucket="logs", Key=key, Body=content)
        return self.client.get_object(Bucket="logs", Key=key)["Body"].read()

    def keys(self, prefix):
        return [one["Key"] for one in self.client.list_objects_v2(Bucket="logs", Prefix=prefix).get("Contents", [])]
