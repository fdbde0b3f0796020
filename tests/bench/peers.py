"""What people would use instead, where it is installed: the like of a bulk catch-up over TLS, driven through their own clients, with
what each makes durable beside it. None of them syncs a message to the disk before it is counted here; gossipd does."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import gossip
from bulk import TEXT, words
from table import Row

PATIENCE = 120


class Nats:
    """A client of the NATS protocol, as far as it is needed: publish, and ask for one answer."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        self.file.readline()  # INFO
        self.send(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB answer 1\r\n')

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, subject, what=None):
        body = json.dumps(what or {}).encode()
        self.send(b"PUB %s answer %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        while True:
            line = self.file.readline().split()
            if not line:
                raise OSError("nats-server hung up")
            if line[0] == b"PING":
                self.send(b"PONG\r\n")
            elif line[0] == b"MSG":
                return json.loads(self.file.read(int(line[-1]) + 2))

    def stored(self, stream):
        return self.ask("$JS.API.STREAM.INFO." + stream).get("state", {}).get("messages", 0)

    def close(self):
        self.file.close()
        self.socket.close()


class Programs:
    """Started in a folder of their own, and ended with it."""

    def __init__(self):
        self.dir, self.children = tempfile.mkdtemp(prefix="gossip-peers-"), []
        os.chmod(self.dir, 0o755)  # mosquitto may give up its rights
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.at("key.pem"), "-out", self.at("cert.pem")],
                       check=True, stderr=subprocess.DEVNULL)
        os.chmod(self.at("key.pem"), 0o644)

    def at(self, name):
        return os.path.join(self.dir, name)

    def start(self, program, name, text, port):
        with open(self.at(name), "w", encoding="ascii") as f:
            f.write(text)
        child = subprocess.Popen([program, "-c", self.at(name)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.children.append(child)
        gossip.wait_until(lambda: answers(port), "%s with %s" % (program, name))
        return child

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def until(count, how_many, what):
    gossip.wait_until(lambda: how_many() >= count, what, PATIENCE, every=0.002)


# --- NATS: a stream of the hub is mirrored by a leaf node

def nats_once(count):
    programs, ports = Programs(), [gossip.silent_port() for _ in range(3)]
    tls = 'tls { cert_file: "%s", key_file: "%s", ca_file: "%s" }' % tuple(programs.at(n) for n in ("cert.pem", "key.pem", "cert.pem"))
    part = 'server_name: %s\nlisten: "127.0.0.1:%d"\njetstream { store_dir: "%s", domain: %s }\nleafnodes { %s }\n'
    try:
        programs.start("nats-server", "hub.conf", part % ("hub", ports[0], programs.at("hub"), "hub", 'listen: "127.0.0.1:%d", %s' % (ports[2], tls)), ports[0])
        hub = Nats(ports[0])
        common = {"storage": "file", "retention": "limits", "discard": "old", "num_replicas": 1}
        hub.ask("$JS.API.STREAM.CREATE.S", dict(common, name="S", subjects=["bulk"]))
        for i in range(0, count, 1000):
            hub.send(b"".join(b"PUB bulk 200\r\n%s\r\n" % (TEXT % k).encode() for k in range(i, min(count, i + 1000))))
        until(count, lambda: hub.stored("S"), "the hub to store")
        remote = 'remotes [ { url: "tls://localhost:%d", %s } ]' % (ports[2], tls)
        programs.start("nats-server", "leaf.conf", part % ("leaf", ports[1], programs.at("leaf"), "leaf", remote), ports[1])
        leaf = Nats(ports[1])
        gossip.wait_until(lambda: "error" not in hub.ask("$JS.leaf.API.INFO") if leafs(hub) else False, "the leaf", PATIENCE)
        begin = time.monotonic()
        made = leaf.ask("$JS.API.STREAM.CREATE.M", dict(common, name="M", mirror={"name": "S", "external": {"api": "$JS.hub.API"}}))
        if "error" in made:
            raise OSError(str(made["error"]))
        until(count, lambda: leaf.stored("M"), "the mirror")
        took = time.monotonic() - begin
        hub.close()
        leaf.close()
        return count / took
    finally:
        programs.close()


def leafs(hub):
    """Somebody answers there; an unanswered question would never end."""
    hub.send(b"PUB $JS.leaf.API.INFO answer 0\r\n\r\nPING\r\n")
    there = False
    while True:
        line = hub.file.readline().split()
        if line[0] == b"MSG":
            hub.file.read(int(line[-1]) + 2)
            there = line[1] == b"answer" and int(line[-1]) > 0 or there
        elif line[0] == b"HMSG":
            hub.file.read(int(line[-1]) + 2)
        elif line[0] == b"PING":
            hub.send(b"PONG\r\n")
        elif line[0] == b"PONG":
            return there


# --- mosquitto: a bridge fetches what was queued for it

def mosquitto_once(count):
    programs, ports = Programs(), [gossip.silent_port() for _ in range(3)]
    common = "allow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 0\npersistence true\nuser root\npersistence_location %s/\n"
    hub = common % programs.at("a") + "listener %d 127.0.0.1\nlistener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n" % (
        ports[0], ports[2], programs.at("cert.pem"), programs.at("key.pem"))
    far = common % programs.at("b") + ("listener %d 127.0.0.1\nconnection bulk\naddress 127.0.0.1:%d\ntopic bulk in 1\ncleansession false\n"
                                       "clientid far\nbridge_cafile %s\nrestart_timeout 1\n") % (ports[1], ports[2], programs.at("cert.pem"))
    for folder in "ab":
        os.mkdir(programs.at(folder))
    subscribe = ["mosquitto_sub", "-p", str(ports[1]), "-t", "bulk", "-q", "1", "-c", "-i", "reader"]
    try:
        programs.start("mosquitto", "a.conf", hub, ports[0])
        first = programs.start("mosquitto", "b.conf", far, ports[1])
        say = ["mosquitto_pub", "-p", str(ports[0]), "-t", "bulk", "-q", "1"]
        reader = subprocess.Popen([*subscribe, "-C", "1"], stdout=subprocess.DEVNULL)
        pause = threading.Event()
        while reader.poll() is None:  # until the bridge stands
            subprocess.run([*say, "-m", "warm"], check=True)
            pause.wait(0.1)
        first.terminate()
        first.wait()
        lines = "".join(TEXT % i + "\n" for i in range(count)).encode()
        subprocess.run([*say, "-l"], input=lines, check=True)
        programs.start("mosquitto", "b.conf", far, ports[1])
        begin = time.monotonic()
        with subprocess.Popen([*subscribe, "-C", str(count)], stdout=subprocess.DEVNULL) as reading:
            reading.wait(PATIENCE)
        return count / (time.monotonic() - begin)
    finally:
        programs.close()


def peers(args, rows):
    for program, once, name, durable in (
            ("nats-server", nats_once, "nats-server, mirror over TLS", "JetStream files, synced every 2 minutes"),
            ("mosquitto", mosquitto_once, "mosquitto, bridge over TLS, QoS 1", "in memory, saved every 30 minutes and at the end")):
        for count in args.bulk:
            there = shutil.which(program) is not None
            own = [once(count) for _ in range(args.runs)] if there else []
            rows.append(Row("%s, %s" % (name, words(count)), "messages/s", (), own, None, durable if there else "not installed"))
