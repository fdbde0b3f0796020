"""The two processes: start, refusal to start, end, and what must not be in the log."""
import os
import re
import signal
import socket
import sqlite3
import time
import unittest

from gossip import (FACTOR, GOSSIPD, PATIENCE, Case, alive, befriend, group, parent_of, run, silent_port, stat_of, wait_until)

KILLS = int(os.environ.get("GOSSIP_TEST_KILLS", "12"))  # 200 is the full count


class Start(Case):
    def test_start_line_names_address_port_and_database(self):
        a = self.node("ann")
        self.assertIn("127.0.0.1", a.log())
        self.assertIn(str(a.port), a.log())
        self.assertIn(a.db, a.log())
        self.assertEqual(len(a.processes()), 2)
        self.assertEqual(parent_of(a.listener()), a.worker())

    def test_f5_bind_failure_is_one_line_and_leaves_nothing(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            a = self.node("ann", start=False, GOSSIPD_LISTEN_PORT=port)
            done = run([GOSSIPD], a.env)
        self.assertEqual(done.status, 12, done)
        lines = (done.out + done.err).splitlines()
        self.assertEqual(len([line for line in lines if "hint:" not in line and "RSA_BITS is 2048" not in line]), 1, done)
        self.assertIn(str(port), done.out + done.err)
        self.assertEqual(group(done.pid), [])

    def test_f5_a_stop_signal_to_either_ends_both(self):
        for who, sig in (("worker", signal.SIGTERM), ("listener", signal.SIGTERM), ("worker", signal.SIGINT)):
            a = self.node("ann")
            os.kill(a.listener() if who == "listener" else a.worker(), sig)
            self.assertEqual(a.wait_end(), 0, who)
            wait_until(lambda: not a.processes(), "nothing left after %s to the %s" % (sig.name, who))
            self.assertFalse(os.path.exists(a.db + "-wal"), "all of it is in the database")

    def test_f5_a_stop_key_that_both_are_told_of_is_one_signal(self):
        a = self.node("ann", start=False)
        for _ in range(5):
            a.start()
            a.listener()
            os.killpg(a.pgid, signal.SIGINT)
            self.assertEqual(a.wait_end(), 0)
            wait_until(lambda: not a.processes(), "nothing left after a ^C")
            self.assertNotIn("at once", a.log())
            self.assertFalse(os.path.exists(a.db + "-wal"), "all of it is in the database")

    def test_f5_worker_killed_the_listener_leaves(self):
        a = self.node("ann")
        listener = a.listener()
        os.kill(a.worker(), signal.SIGKILL)
        wait_until(lambda: not alive(listener), "the listener to leave")
        a.wait_end()
        a.start()  # neither the port nor the lock is held by anybody
        self.assertEqual(len(a.processes()), 2)

    def test_f5_listener_killed_a_new_one_serves(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, a_dials=False)
        a.send("before")
        b.wait_text("before")
        old, seen = a.listener(), len(a.lines)
        os.kill(old, signal.SIGKILL)
        self.assertNotEqual(a.listener(other_than=old), old)
        a.wait_log("listener", after=seen)
        a.send("after")
        b.wait_text("after")

    def test_listener_started_again_keeps_the_network_key_when_its_file_is_gone(self):
        a, b = self.node("ann", start=False), self.node("bob", start=False)
        for node in (a, b):
            path = os.path.join(node.dir, "network")
            with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write("Ab" * 32 + "\n")
            node.set(GOSSIPD_NETWORK_KEY_FILE=path)
            node.start()
        befriend(a, b, a_dials=False)
        a.send("before")
        b.wait_text("before")
        os.unlink(a.env["GOSSIPD_NETWORK_KEY_FILE"])
        old = a.listener()
        os.kill(old, signal.SIGKILL)
        a.listener(other_than=old)
        a.send("after")
        b.wait_text("after")
        self.assertNotIn("error", a.log())

    def test_a_key_that_does_not_parse_leaves_out_one_friend_and_one_spare(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        a.add_peer("carlotta", "127.0.0.1", silent_port())
        a.set_peer_key("carlotta", b.add_peer("ann2"))
        a.stop()
        db = sqlite3.connect(a.db)
        db.execute("UPDATE keys SET private = x'00' WHERE id = (SELECT key FROM peers WHERE name = 'carlotta')")
        db.execute("UPDATE keys SET private = x'00' WHERE id NOT IN (SELECT key FROM peers)")
        db.commit()
        db.close()
        a.start()
        a.send("to bob")
        b.wait_text("to bob")
        b.send("to ann")
        a.wait_text("to ann")
        a.wait_log("error: one friend is left out")
        self.assertNotIn("carlotta", a.log())
        self.refused(a.gossipc("show-key", "carlotta"), 10, "carlotta")
        self.assertEqual(a.stop(), 0)

    def test_a_message_is_served_while_the_other_process_is_held_up(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, False, True)  # bob's worker reads from ann's listener
        a.send("first")
        b.wait_text("first")
        wait_until(lambda: a.ask("SELECT acked FROM peer_sync") == [(1,)], "nothing more to be said", nodes=[a, b])
        held = a.worker()
        os.kill(held, signal.SIGSTOP)
        try:
            a.send("while the worker stands still")
            b.wait_text("while the worker stands still")
        finally:
            os.kill(held, signal.SIGCONT)
        held = a.listener()
        os.kill(held, signal.SIGSTOP)
        try:
            a.send("while the listener stands still")
        finally:
            os.kill(held, signal.SIGCONT)
        b.wait_text("while the listener stands still")

    def test_a_stranger_is_counted_though_nothing_else_happens(self):
        a = self.node("ann")
        with socket.create_connection(("127.0.0.1", a.port), PATIENCE) as s:
            s.sendall(os.urandom(1296))
            self.assertTrue(s.recv(4096))
            wait_until(lambda: a.ask("SELECT n FROM counter WHERE name = 'strangers'") == [(1,)], "a stranger counted", nodes=[a])

    def test_f6_second_daemon_leaves_with_7_and_the_first_is_unharmed(self):
        a = self.node("ann")
        done = run([GOSSIPD], dict(a.env, GOSSIPD_LISTEN_PORT="0"))
        self.assertEqual(done.status, 7, done)
        self.assertEqual(len(a.processes()), 2)
        with socket.create_connection(("127.0.0.1", a.port), PATIENCE) as s:
            s.settimeout(PATIENCE)
            s.sendall(os.urandom(1296))
            got = b""
            while len(got) < 1696:
                part = s.recv(4096)
                self.assertTrue(part)
                got += part
        self.assertEqual(a.stop(), 0)

    def test_listener_killed_many_times_while_keys_are_made(self):
        a, old = self.node("ann"), None
        for i in range(KILLS):
            old = a.listener(other_than=old)
            a.add_peer("p%d" % i)  # takes a key, so that one is being made
            os.kill(old, signal.SIGKILL)
        self.assertTrue(a.listener(other_than=old))
        a.add_peer("last")
        wait_until(lambda: unassigned(a) == 3, "the pool to be full again", nodes=[a])
        self.assertEqual(a.stop(), 0)


def unassigned(node):
    total = node.ask("SELECT count(*) FROM keys")[0][0]
    return total - node.ask("SELECT count(*) FROM peers WHERE key IS NOT NULL")[0][0]


class Keys(Case):
    def test_f8_the_pool_is_filled_and_stays_bounded(self):
        a = self.node("ann")  # 2 kept ready, and half as many more beside them
        wait_until(lambda: unassigned(a) == 3, "a full pool", nodes=[a])
        for i in range(4):
            a.add_peer("p%d" % i)
        wait_until(lambda: unassigned(a) == 3, "a full pool again", nodes=[a])
        a.must("delete-peer", "p0")
        self.assertLessEqual(unassigned(a), 3)
        self.assertEqual(a.ask("SELECT count(*) FROM keys")[0][0], 6)

    def test_f24_decoy_and_spare_are_the_same_thing_on_disk(self):
        a = self.node("ann")
        wait_until(lambda: unassigned(a) == 3, "a full pool", nodes=[a])
        columns = [row[1] for row in a.ask("PRAGMA table_info(keys)")]
        self.assertEqual(columns, ["id", "fp", "private"])
        low, high = a.ask("SELECT min(length(private)), max(length(private)) FROM keys")[0]
        self.assertLess(high - low, 8)  # DER numbers lose a byte now and then
        with open(a.db, "rb") as f:
            self.assertNotIn(b"bogus", f.read())


class Environment(Case):
    def test_n_checks_and_writes_nothing(self):
        n = self.node("ann", start=False)
        before = os.listdir(n.dir)
        done = run([GOSSIPD, "-n"], n.env)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(os.listdir(n.dir), before)
        n.start()
        self.assertEqual(run([GOSSIPD, "-n"], n.env).status, 0)  # takes no lock
        os.chmod(n.db, 0o644)
        self.assertEqual(run([GOSSIPD, "-n"], n.env).status, 10)
        os.chmod(n.db, 0o600)

    def test_print_config_shows_each_value_and_where_it_came_from(self):
        n = self.node("ann", start=False, GOSSIPD_MAX_MESSAGE="1000")
        n.env.pop("GOSSIPD_LISTEN_IP", None)
        done = run([GOSSIPD, "--print-config"], n.env)
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.out, r"(?m)^GOSSIPD_MAX_MESSAGE\b.*\b1000\b.*environment")
        self.assertRegex(done.out, r"(?m)^GOSSIPD_LISTEN_IP\b.*127\.0\.0\.1\b.*default")
        self.assertEqual(os.listdir(n.dir), [])

    def test_a_wrong_value_is_one_line_naming_the_variable_and_exit_2(self):
        for name, value in (("GOSSIPD_LISTEN_PORT", "http"), ("GOSSIPD_LISTEN_PORT", "65536"), ("GOSSIPD_LISTEN_IP", "localhost"),
                            ("GOSSIPD_RSA_BITS", "1024"), ("GOSSIPD_KEY_POOL", "-1"), ("GOSSIPD_FETCH_INTERVAL", "0"),
                            ("GOSSIPD_USERNAME", "a\x1bb"), ("GOSSIPD_USERNAME", None), ("GOSSIPD_MAX_MESSAGE", "9999999"),
                            ("GOSSIPD_NETWORK_KEY_FILE", "/nonexistent"), ("GOSSIPD_PQ", "maybe"), ("GOSSIPD_COVER", "yes")):
            n = self.node("ann", start=False, **{name: value})
            for args in ([], ["-n"]):
                done = run([GOSSIPD, *args], n.env)
                self.assertEqual(done.status, 2, (name, value, done))
                said = [line for line in (done.out + done.err).splitlines() if "hint" not in line]
                self.assertEqual(len(said), 1, done)
                self.assertIn(name, said[0])
                self.assertNotIn("\x1b", said[0])
            self.assertEqual(os.listdir(n.dir), [])


class Quiet(Case):
    def test_f7_no_text_no_name_no_key_in_the_log(self):
        a, b = self.node("annabella"), self.node("bobadilla")
        befriend(a, b)
        for i in range(5):
            a.send("secret text %d" % i, source="claimedname")
            b.send("other secret %d" % i)
        a.wait_count(10)
        b.wait_count(10)
        with socket.create_connection(("127.0.0.1", a.port)) as s:
            s.sendall(os.urandom(1296))
            self.assertTrue(s.recv(10))
        a.stop()
        b.stop()
        for node in (a, b):
            log = node.log().replace(node.db, "DB")
            for word in ("secret", "claimedname", "annabella", "bobadilla", "BEGIN", "MII"):
                self.assertNotIn(word, log)
            self.assertIsNone(re.search(r"[0-9a-f]{24}|[A-Za-z0-9+/]{40}", log), log)

    def test_an_idle_pair_sleeps(self):
        """Both dial; then one of them is behind a door that only opens outwards."""
        for both in (True, False):
            with self.subTest(both=both):
                self.idle_pair(both)

    def idle_pair(self, both):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, a_dials=both)
        a.send("warm")
        b.wait_text("warm")
        b.send("up")
        a.wait_text("up")
        for node in (a, b):
            wait_until(lambda n=node: unassigned(n) == 3, "a full pool", nodes=[node])
        pids = [a.worker(), a.listener(), b.worker(), b.listener()]
        rest(a, 2)  # acknowledgements are a second late
        before, start = {p: usage(p) for p in pids}, time.monotonic()
        rest(a, IDLE)
        seconds = time.monotonic() - start
        for pid in pids:
            cpu, wakes = (x - y for x, y in zip(usage(pid), before[pid]))
            self.assertLessEqual(round(cpu, 3), 0.02 * FACTOR, "pid %d used %.2f s of CPU in %.1f s without work" % (pid, cpu, seconds))
            self.assertLessEqual(wakes, 2 * seconds, "pid %d woke up %d times in %.1f s without work" % (pid, wakes, seconds))


IDLE = 20 if os.environ.get("GOSSIP_LONG") else 10  # seconds that are measured


def rest(node, seconds):
    """Lets time pass; what the daemon says meanwhile ends it early."""
    with node.news:
        node.news.wait(seconds)


def usage(pid):
    """Seconds of CPU, and how often its threads went to wait."""
    fields, waits = stat_of(pid), 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread), encoding="ascii", errors="replace") as f:
            waits += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M).group(1))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), waits


class Signals(Case):
    def test_sighup_dials_again_at_once(self):
        a = self.node("ann", GOSSIPD_FETCH_INTERVAL="60")
        port = silent_port()
        b = self.node("bob", start=False, GOSSIPD_LISTEN_PORT=port)
        to_b = a.add_peer("bob", "127.0.0.1", port)
        to_a = b.add_peer("ann")
        a.set_peer_key("bob", to_a)
        b.set_peer_key("ann", to_b)
        wait_until(lambda: "refused" in a.gossipc("status").out, "a failed dial in status", nodes=[a])
        b.start()
        b.send("heard at once")
        os.kill(a.worker(), signal.SIGHUP)
        a.wait_text("heard at once")
        self.assertEqual(a.stop(), 0)


if __name__ == "__main__":
    unittest.main()
