"""The examples of docs/events.md, as they stand there, against remapd and a real broker."""

import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REMAPD = os.environ.get("REMAPD")
BROKERS = os.environ.get("REMAPD_KAFKA_BROKERS")
REGISTRY = os.environ.get("REMAPD_SCHEMA_REGISTRY")

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None


def example(name: str) -> dict[str, str]:
    """The code blocks of an example, by language."""
    text = (ROOT / "docs/events.md").read_text()
    begin = text.index(f"<!-- example: {name} -->")
    section = text[begin:].split("\n### ")[0]
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.S))


def rating(n: int) -> dict:
    return {"user": n % 7 + 1, "item": f"i{n % 11}", "clicked": n % 3 == 0}


def rating_message():
    """A protobuf message of that; it is the second of its file."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="rating.proto", package="shop", syntax="proto3")
    file.message_type.add(name="Other")
    message = file.message_type.add(name="Rating")
    for number, (field, type_) in enumerate((("user", 4), ("item", 9), ("clicked", 8)), 1):
        message.field.add(name=field, number=number, label=1, type=type_)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Rating"))


class Daemon:
    """`remapd run` on the configuration of an example, with a directory of its own."""

    def __init__(
        self, test: unittest.TestCase, toml: str, topic: str | None, *settings: str
    ) -> None:
        """`topic`: in place of the example's; None: the configuration's."""
        temporary = tempfile.TemporaryDirectory(prefix="remapd-events-")
        test.addCleanup(temporary.cleanup)
        self.work = Path(temporary.name)
        (self.work / "remapd.toml").write_text(toml)
        values = {
            "kafka.brokers": BROKERS,
            "instance.name": topic or "remapd",
            "admin.listen": f"unix:{self.work}/admin.sock",
            "publish.first_samples": 10,
            "publish.gates.min_samples": 1,
            "publish.interval": "1s",
            "publish.min_interval": "0s",
        }
        if topic is not None:
            values["source.kafka.topic"] = topic
        command = [REMAPD, "run", "--config", "remapd.toml"]
        for key, value in values.items():
            command += ["--set", f"{key}={value}"]
        for setting in settings:
            command += ["--set", setting]
        self.log = open(self.work / "log", "w+")
        self.process = subprocess.Popen(command, cwd=self.work, stderr=self.log)
        test.addCleanup(self.stop)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(90)  # a version under way is finished first
        self.log.close()

    def status(self) -> dict:
        done = subprocess.run(
            ["curl", "-sf", "--unix-socket", self.work / "admin.sock", "http://localhost/status"],
            capture_output=True,
        )
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else {}

    def wait_for(self, what) -> dict:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = self.status()
            if status and what(status):
                return status
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        self.log.flush()
        raise AssertionError(f"{self.status()}\n{(self.work / 'log').read_text()}")


class Registry:
    """A schema registry after Confluent's REST specification: registers and hands out schemas."""

    def __init__(self, test: unittest.TestCase) -> None:
        schemas: list[dict] = []
        self.asked: list[str] = []
        self.down = False
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status: int, body: dict) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body not in schemas:
                    schemas.append(body)
                number = schemas.index(body) + 1
                self.answer(200, {"id": number, "version": number, **body})

            def do_GET(self) -> None:
                registry.asked.append(self.path)
                found = re.match(r"/schemas/ids/(\d+)", self.path)
                if registry.down:
                    self.answer(503, {"error_code": 50003, "message": "not now"})
                elif found and 0 < int(found[1]) <= len(schemas):
                    self.answer(200, schemas[int(found[1]) - 1])
                else:
                    self.answer(404, {"error_code": 40403, "message": "Schema not found"})

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.shutdown)


@unittest.skipUnless(BROKERS, "no REMAPD_KAFKA_BROKERS: run under scripts/kafka-broker run --")
@unittest.skipUnless(confluent_kafka, "needs confluent-kafka from PyPI")
class KafkaExamples(unittest.TestCase):
    def setUp(self) -> None:
        self.topic = f"events-{uuid.uuid4().hex[:8]}"
        self.producer = confluent_kafka.Producer({"bootstrap.servers": BROKERS})
        self.create(self.topic)

    def create(self, topic: str) -> str:
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": BROKERS})
        admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(30)
        return topic

    def send(self, *values: bytes, times: int = 100) -> None:
        """Many times over: ids are counted in mini-batches."""
        for value in values * times:
            self.producer.produce(self.topic, value)
        self.assertEqual(self.producer.flush(30), 0)

    def check(self, daemon: Daemon, samples: int, ids: dict[str, int], mean: float | None) -> None:
        def counted(status: dict) -> bool:
            tables = {t["name"]: t["tracked_ids"] for t in status["tables"]}
            return status["stream"]["samples"] >= samples and tables == ids

        status = daemon.wait_for(counted)
        self.assertEqual(status["stream"]["samples"], samples)
        if mean is not None:
            self.assertAlmostEqual(status["stream"]["label_mean"], mean, delta=0.05)
        self.assertEqual(status["input"]["dead_letters"], 0)

    def test_clicks(self) -> None:
        parts = example("clicks")
        self.send(*[line.encode() for line in parts["json"].splitlines()])
        daemon = Daemon(self, parts["toml"], self.topic)
        self.check(daemon, 200, {"user": 2, "item": 3}, 0.5)

    def test_changes(self) -> None:
        parts = example("changes")
        self.send(*[line.encode() for line in parts["json"].splitlines()])
        daemon = Daemon(self, parts["toml"], self.topic)
        self.check(daemon, 200, {"customer": 2, "product": 2}, 0.5)

    def test_impressions_by_confluents_serializer(self) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.avro import AvroSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext

        parts = example("impressions")
        registry = Registry(self)
        serialize = AvroSerializer(SchemaRegistryClient({"url": registry.url}), parts["json"])
        context = SerializationContext(self.topic, MessageField.VALUE)
        for user in (7, None, 9):
            impression = {
                "ts": 1740823200000,
                "user": None if user is None else {"id": user},
                "ads": [{"id": f"ad-{n}", "clicked": n == 1} for n in range(4)],
            }
            self.send(serialize(impression, context))
        registry.down = True
        daemon = Daemon(
            self, parts["toml"], self.topic, f"source.decode.schema_registry={registry.url}"
        )
        # The registry does not answer: nothing is read, and it is said why.
        status = daemon.wait_for(lambda s: "503" in json.dumps(s))
        self.assertEqual(status["stream"]["samples"], 0)
        self.assertEqual(status["input"]["dead_letters"], 0)
        registry.down = False
        self.check(daemon, 1200, {"user": 2, "ad": 4}, 0.25)
        self.send(b"\0\0\0\x03\xe7nonsense", times=1)
        daemon.wait_for(lambda s: "schema 999" in (daemon.work / "log").read_text())

    def test_protobuf_by_confluents_serializer(self) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        file = descriptor_pb2.FileDescriptorProto(
            name="event.proto", package="shop", syntax="proto3"
        )
        for name, fields in (("Other", []), ("Event", ["user", "item"])):
            message = file.message_type.add(name=name)
            for number, field in enumerate(fields, 1):
                message.field.add(name=field, number=number, label=1, type=4)  # optional uint64
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        event = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Event"))
        registry = Registry(self)
        # Registries hand out the source; the serializer registers the descriptor, in base64.
        client = SchemaRegistryClient({"url": registry.url})
        serialize = ProtobufSerializer(event, client, {"use.deprecated.format": False})
        context = SerializationContext(self.topic, MessageField.VALUE)
        for user in range(5):
            self.send(serialize(event(user=user + 1, item=2**64 - 1), context))
        toml = example("trainer")["toml"] + (
            f'[source.decode]\nframing = "confluent"\nschema_registry = "{registry.url}"\n'
        )
        daemon = Daemon(self, toml, self.topic)
        self.check(daemon, 500, {"user": 5, "item": 1}, None)

    @unittest.skipUnless(REGISTRY, "no REMAPD_SCHEMA_REGISTRY: run scripts/test-events")
    def test_a_registry_of_its_own_program(self) -> None:
        """Two versions of an Avro schema, JSON Schema and protobuf; inspect-events, then run."""
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.avro import AvroSerializer
        from confluent_kafka.schema_registry.json_schema import JSONSerializer
        from confluent_kafka.schema_registry.protobuf import ProtobufSerializer

        client = SchemaRegistryClient({"url": REGISTRY})

        def avro(*fields: dict) -> AvroSerializer:
            record = {"type": "record", "name": "Rating", "fields": list(fields)}
            return AvroSerializer(client, json.dumps(record))

        user = {"name": "user", "type": "long"}
        old = avro(user, {"name": "item", "type": "string"}, {"name": "clicked", "type": "boolean"})
        new = avro(
            {"name": "page", "type": ["null", "string"], "default": None},
            user,
            {"name": "item", "type": "string"},
            {"name": "clicked", "type": "boolean"},
        )
        schema = {"title": "Rating", "type": "object",
                  "properties": {name: {"type": "integer"} for name in ("user", "item", "clicked")}}
        event = rating_message()
        formats = {
            "avro": lambda n: (old if n % 2 else new)(rating(n), self.context()),
            "json": lambda n: JSONSerializer(json.dumps(schema), client)(
                {"user": n % 7, "item": n % 11, "clicked": n % 3 // 2}, self.context()
            ),
            "protobuf": lambda n: ProtobufSerializer(
                event, client, {"use.deprecated.format": False}
            )(event(**rating(n)), self.context()),
        }
        for name, serialize in formats.items():
            with self.subTest(name):
                self.topic = self.create(f"registry-{name}-{uuid.uuid4().hex[:8]}")
                self.send(*[serialize(n) for n in range(462)], times=1)
                toml = subprocess.run(
                    [REMAPD, "inspect-events", "--topic", self.topic, "--brokers", BROKERS,
                     "--schema-registry", REGISTRY],
                    capture_output=True, text=True, check=True,
                ).stdout
                self.assertIn("462 samples, 0 refused", toml)
                self.assertIn('label = "clicked"', toml)
                daemon = Daemon(self, toml, self.topic)
                self.check(daemon, 462, {"user": 7, "item": 11}, None)

    def context(self):
        from confluent_kafka.serialization import MessageField, SerializationContext

        return SerializationContext(self.topic, MessageField.VALUE)

    def test_topics_that_are_labels(self) -> None:
        clicks, views = self.create(self.topic + "-clicks"), self.create(self.topic + "-views")
        for n in range(300):
            event = json.dumps({"user": n % 20, "item": n % 30}).encode()
            self.producer.produce(clicks if n % 3 == 0 else views, event)
        self.assertEqual(self.producer.flush(30), 0)
        toml = example("trainer")["toml"].replace(
            'topic = "trainer.batches"',
            f'positive_topics = ["{clicks}"]\nnegative_topics = ["{views}"]',
        ) + '[source.decode]\nformat = "json"\n'
        daemon = Daemon(self, toml, None)
        status = daemon.wait_for(lambda s: s["stream"]["samples"] == 300)
        self.assertAlmostEqual(status["stream"]["label_mean"], 1 / 3, delta=0.07)

    def test_trainer(self) -> None:
        import numpy as np

        import remap

        parts = example("trainer")
        code = parts["python"].replace("trainer.batches", self.topic)
        for _ in range(100):
            exec(code, {"remap": remap, "np": np, "BROKERS": BROKERS})
        daemon = Daemon(self, parts["toml"], self.topic)
        self.check(daemon, 200, {"user": 2, "item": 3}, 0.5)


class Parquet(unittest.TestCase):
    def test_parquet(self) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            self.skipTest("needs pyarrow")
        with tempfile.TemporaryDirectory(prefix="remapd-events-") as work:
            rows = 2000
            pq.write_table(
                pa.table(
                    {
                        "user_id": [f"u{n % 40}" if n % 10 else None for n in range(rows)],
                        "items": [[n % 30, n % 7] if n % 5 else [] for n in range(rows)],
                        "stars": [1 + n % 5 for n in range(rows)],
                        "ts": [1740823200 + n for n in range(rows)],
                    }
                ),
                f"{work}/events.parquet",
            )
            for command in example("parquet")["sh"].splitlines():
                command = command.replace("python ", f"{sys.executable} ", 1)
                if command.startswith("remapd "):
                    command = command.replace("remapd ", f"{REMAPD} ", 1)
                done = subprocess.run(command.split(), cwd=work, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
            shown = subprocess.run(
                [REMAPD, "inspect", "mappings", "--json"], cwd=work, capture_output=True, text=True
            )
            ids = {v["table"]: v["ids"] for v in json.loads(shown.stdout)["versions"]}
            self.assertEqual(ids, {"user": 36, "item": 26})


if __name__ == "__main__":
    unittest.main()
