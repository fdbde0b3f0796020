"""Being a service: what a manager is told, the unit, what a limit of open files is too low for, and the fences of real processes."""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from gossip import BUILD, GOSSIPD, HOME, PATIENCE, Case, alive, befriend, run, wait_until

SANITIZED = "asan" in BUILD


def with_loader(program, copy, loader):
    """A copy that wants another loader (ELF: the segment PT_INTERP); gives the name of the one it wanted."""
    with open(program, "rb") as f:
        image = bytearray(f.read())
    table, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for at in range(table, table + size * count, size):
        if struct.unpack_from("<I", image, at)[0] != 3:
            continue
        offset, = struct.unpack_from("<Q", image, at + 8)
        length, = struct.unpack_from("<Q", image, at + 32)
        old = image[offset:offset + length].rstrip(b"\0").decode()
        assert len(loader) < length, "%s has to fit in %d bytes" % (loader, length)
        image[offset:offset + length] = loader.encode().ljust(length, b"\0")
        with open(copy, "wb", opener=lambda p, f: os.open(p, f, 0o700)) as f:
            f.write(image)
        return old
    raise AssertionError("%s names no loader" % program)


class Manager:
    """A service manager's socket: a path, or an abstract name."""

    def __init__(self, case, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.socket.settimeout(PATIENCE)

    def hear(self):
        return self.socket.recv(4096).decode("utf-8")

    def hear_until(self, wanted):
        heard = []
        while not heard or heard[-1] != wanted:
            heard.append(self.hear())
        return heard


class Told(Case):
    def managed(self, name):
        a = self.node("ann", start=False)
        manager = Manager(self, name or os.path.join(a.dir, "manager"))
        a.set(NOTIFY_SOCKET=manager.name)
        return a.start(), manager

    def test_ready_status_and_stopping_each_by_one_datagram(self):
        for name in (None, "@gossip-test-%d" % os.getpid()):
            a, manager = self.managed(name)
            self.assertEqual(manager.hear(), "READY=1\nSTATUS=no friends yet")
            b, c = self.node("bob"), self.node("cara")
            befriend(a, b)
            manager.hear_until("STATUS=the one friend is up")
            befriend(c, a, b_dials=False)  # a session that only the listener has
            manager.hear_until("STATUS=2 of 2 friends are up")
            b.stop()
            self.assertEqual(manager.hear_until("STATUS=1 of 2 friends is up")[-1], "STATUS=1 of 2 friends is up")
            self.assertEqual(a.stop(), 0)
            self.assertEqual(manager.hear_until("STOPPING=1\nSTATUS=stopping")[:-1], [])

    def test_the_listener_does_not_know_the_manager(self):
        a, manager = self.managed(None)
        manager.hear()
        with open("/proc/%d/environ" % a.listener(), "rb") as f:
            self.assertNotIn(b"NOTIFY_SOCKET", f.read())

    def test_a_manager_who_cannot_be_reached_is_no_reason_not_to_run(self):
        for name in ("relative", "/nonexistent/socket", "/" + "x" * 200, "vsock:2:1234"):
            a = self.node("ann", start=False)
            a.set(NOTIFY_SOCKET=name)
            a.start()
            self.assertIn("NOTIFY_SOCKET", a.log())
            self.assertEqual(a.stop(), 0)

    def test_the_last_line_says_that_it_stopped(self):
        a = self.node("ann")
        self.assertEqual(a.stop(), 0)
        self.assertEqual(a.lines[-1], "gossipd: stopped")
        self.assertNotIn("NOTIFY_SOCKET", a.log())


class Files(Case):
    def test_too_few_open_files_are_refused_with_a_hint(self):
        a = self.node("ann", start=False)
        for args in ([], ["-n"]):
            done = run(["sh", "-c", 'ulimit -n 79; exec "$0" "$@"', GOSSIPD, *args], a.env)
            self.assertEqual(done.status, 11, done)
            self.assertIn("fatal: only 79 open files are allowed, and 80 are the least", done.err)
            self.assertIn("hint: raise the hard limit, ulimit -Hn", done.err)
        self.assertFalse(os.path.exists(a.db))

    def test_where_no_database_can_be_made_n_tells(self):
        folder = tempfile.mkdtemp(prefix="gossip-n-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        program, a = shutil.copy(GOSSIPD, folder), self.node("ann", start=False)
        a.set(GOSSIPD_DB_PATH="/not-there/nor/here/gossipd.db")
        somebody = {"user": 65534} if os.geteuid() == 0 else {}  # root may write everywhere
        done = subprocess.run([program, "-n"], env=a.env, stderr=subprocess.PIPE, timeout=PATIENCE, check=False, **somebody)
        self.assertEqual(done.returncode, 11, done)
        self.assertIn(b"fatal: / cannot be written", done.stderr)
        self.assertIn(b"hint: make it writable", done.stderr)

    def test_the_least_number_of_open_files_does(self):
        a, b = self.node("ann", start=False), self.node("bob")
        a.command = ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"', GOSSIPD]
        a.start()
        a.wait_log("room for 16 sessions each way, not 512, and for 16 callers")
        befriend(a, b)
        b.send("through a narrow door")
        a.wait_text("through a narrow door")


@unittest.skipIf(SANITIZED, "a sanitizer's calls are no filter's business")
class Fences(Case):
    def status_of(self, pid):
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def test_both_processes_stand_behind_a_filter_and_so_does_the_next_listener(self):
        a = self.node("ann")
        self.assertIn("gossipd: contained: files, network, system calls", a.log())
        first = a.listener()
        os.kill(first, signal.SIGKILL)
        a.wait_log("the listener was lost")
        second = a.listener(other_than=first)
        b = self.node("bob")
        befriend(a, b, a_dials=False)  # the new one has put up its own when it serves
        a.send("from behind the fence")
        b.wait_text("from behind the fence")
        for pid in (a.worker(), second):
            status = self.status_of(pid)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), status)
        self.assertEqual(int(self.status_of(second)["Seccomp_filters"]), int(self.status_of(a.worker())["Seccomp_filters"]) + 1)

    def test_both_go_by_one_name(self):
        a = self.node("ann")
        for pid in (a.worker(), a.listener()):
            def name():
                with open("/proc/%d/comm" % pid, encoding="ascii", errors="replace") as f:
                    return f.read().strip()
            wait_until(lambda: name() == "gossipd", "process %d to be called gossipd, not %s" % (pid, name()), nodes=[a])

    def test_where_the_loader_was_replaced_gossipd_says_so_and_ends(self):
        folder = tempfile.mkdtemp(prefix="g", dir="/tmp")  # a short name: it has to fit where the old one stood
        self.addCleanup(shutil.rmtree, folder)
        program, loader = os.path.join(folder, "gossipd"), os.path.join(folder, "ld")
        shutil.copy(with_loader(GOSSIPD, program, loader), loader)
        a = self.node("ann", start=False)
        a.command = [program]
        a.start()
        listener = a.listener()
        os.rename(loader, loader + ".old")
        os.kill(listener, signal.SIGKILL)
        self.assertEqual(a.wait_end(), 11)
        self.assertIn("gossipd: error: the listener cannot be started any more; start gossipd again", a.log())
        self.assertEqual(len(re.findall(r"the listener was lost \(could not be started\)", a.log())), 2, a.log())
        self.assertEqual(a.lines[-1], "gossipd: stopped, as the listener had to")
        self.assertEqual(a.processes(), [])

    def test_a_listener_that_does_not_leave_is_ended(self):
        a = self.node("ann")
        listener = a.listener()
        os.kill(listener, signal.SIGSTOP)
        a.daemon.send_signal(signal.SIGTERM)
        a.daemon.send_signal(signal.SIGINT)  # the second one: at once
        self.assertEqual(a.wait_end(), 0)
        wait_until(lambda: not alive(listener), "the listener to be gone")
        self.assertEqual(a.lines[-1], "gossipd: stopped at once")

    def test_off_and_on(self):
        for value, said in (("off", "warning: not contained: GOSSIPD_SANDBOX is off"), ("on", "contained: files")):
            a, b = self.node("ann", GOSSIPD_SANDBOX=value), self.node("bob", GOSSIPD_SANDBOX="on")
            self.assertIn(said, a.log())
            befriend(a, b)
            a.send("hello")
            b.wait_text("hello")
            self.assertEqual(a.stop(), 0)

    def test_a_network_key_put_in_the_place_of_another_waits_for_the_next_start(self):
        a = self.node("ann", start=False)
        path = os.path.join(a.dir, "network")

        def write(to, digits):
            with open(to, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(digits * 32 + "\n")
        write(path, "ab")
        a.set(GOSSIPD_NETWORK_KEY_FILE=path)
        a.start()
        write(path, "cd")  # the same file
        seen = len(a.lines)
        os.kill(a.worker(), signal.SIGHUP)
        a.wait_log("reading peers and files again", after=seen)
        write(path + ".new", "ef")
        os.rename(path + ".new", path)
        os.kill(a.worker(), signal.SIGHUP)
        a.wait_log("error: .*permission denied; going on with the key there was", after=seen)
        a.wait_log("hint: a file put in the place of another can be read only after a start", after=seen)
        self.assertEqual(a.stop(), 0)


class Unit(unittest.TestCase):
    """The systemd unit that `make install` puts down."""
    MUST = {  # from which systemd reckons the exposure; a unit without them is open where it need not be
        "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict", "ProtectHome": "yes",
        "ProtectProc": "invisible", "ProcSubset": "pid", "PrivateTmp": "yes", "PrivateDevices": "yes", "PrivateUsers": "yes",
        "ProtectClock": "yes", "ProtectControlGroups": "yes", "ProtectHostname": "yes", "ProtectKernelLogs": "yes",
        "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
        "RestrictSUIDSGID": "yes", "SystemCallArchitectures": "native", "UMask": "0077", "User": "%i", "Type": "notify",
        "RemoveIPC": "yes",
    }

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="gossip-unit-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
        done = run(["make", "-s", "-C", HOME, "install", "-o", "all", "BUILD=" + BUILD, "DESTDIR=" + self.root, "PREFIX=/usr"], env)
        self.assertEqual(done.status, 0, done)
        self.path = os.path.join(self.root, "usr/lib/systemd/system/gossipd@.service")

    def test_the_directives_stand_there(self):
        with open(self.path, encoding="ascii") as f:
            text = f.read()
        there = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
        self.assertEqual({key: there.get(key) for key in self.MUST}, self.MUST)
        self.assertEqual(there["ExecStart"], "/usr/bin/gossipd")
        self.assertTrue(os.access(self.root + there["ExecStart"], os.X_OK))
        self.assertNotIn("@BINDIR@", text)
        env = dict(re.findall(r"(GOSSIPD_\w+)=(\S+)", there["Environment"].replace("%i", "alice")), HOME=self.root, GOSSIPD_SANDBOX="on")
        shown = run([GOSSIPD, "--print-config"], env)
        self.assertEqual(shown.status, 0, shown)
        self.assertIn("GOSSIPD_DB_PATH=/var/lib/gossipd/alice/gossipd.db ", shown.out)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here; the directives are looked at in any case")
    def test_the_exposure_is_at_most_2(self):
        one = os.path.join(os.path.dirname(self.path), "gossipd@alice.service")
        shutil.copy(self.path, one)
        done = run(["systemd-analyze", "security", "--offline=true", "--no-pager", one], dict(os.environ))
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.out)
        self.assertTrue(found, done)
        self.assertLessEqual(float(found.group(1)), 2.0, done.out)
        print("figures: exposure of the systemd unit %s of 10" % found.group(1))


if __name__ == "__main__":
    unittest.main()
