"""What scripts and shells rely on: exit codes one by one, completion, --quiet, and how far something is on a terminal only."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

from gossip import GOSSIPC, OWN_GROUP, PATIENCE, Case, befriend, run, terminal, wait_until


def help_of(*command):
    return run([GOSSIPC, *command, "--help"], dict(os.environ)).out


def commands():
    """Names of all commands, and their classic flags or "", as help lists them."""
    names = re.findall(r"^  ([a-z]\S+)  ", help_of().split("\n\n")[1], re.M)
    return {name: "".join(re.findall(r"^       gossipc --(\S+) \(-\w\)", help_of(name), re.M)) for name in names}


def flags_of(command):
    """Every spelling of every flag that the command's own help lists."""
    rows = re.findall(r"^  (?:(-\w), |    )--([a-z-]+)", help_of(command), re.M)
    return {"--" + name for _, name in rows} | {letter for letter, _ in rows if letter}


class ExitCodes(Case):
    """gossipc(1), EXIT STATUS: a test for each."""

    def person(self, **env):
        return self.node("ann", start=False, **env)

    def ends(self, code, node, *args, said=None, **more):
        done = node.gossipc(*args, **more)
        self.assertEqual(done.status, code, done)
        if said:
            self.assertIn(said, done.err)
        return done

    def test_exit_0_done(self):
        self.ends(0, self.person(), "send", "-m", "hello")

    def test_the_passphrase_does_not_become_a_message(self):
        n = self.person()
        for env in ({"GOSSIPD_PASSPHRASE_FD": "0"}, {"GOSSIPD_PASSPHRASE_FILE": "-"}, {"GOSSIPD_PASSPHRASE_FILE": "/dev/stdin"}):
            for words in (("send",), ("send", "-m", "-"), ("send", "--batch"), ("forge-transcript", "--hearer", "a", "--speaker", "b")):
                done = run([GOSSIPC, *words], dict(n.env, **env), "correct horse\n")
                self.refused(done, 2, "the passphrase comes from standard input")
        self.assertFalse(os.path.exists(n.db))

    def test_exit_1_nothing_matched(self):
        n = self.person()
        n.send("hello")
        self.ends(1, n, "view", "--from", "self", "--since", "2199-01-01")

    def test_exit_2_usage_and_environment(self):
        n = self.person()
        self.ends(2, n, "view", "--no-such-flag", said="unknown option --no-such-flag")
        self.ends(2, n, "completion", "tcsh", said="no completion for \"tcsh\"")
        n.set(GOSSIPD_MAX_MESSAGE="many")
        self.ends(2, n, "send", "-m", "hello", said="GOSSIPD_MAX_MESSAGE")

    def test_exit_3_no_such_peer_message_or_file(self):
        n = self.person()
        self.ends(3, n, "view", said="no database")
        n.send("hello")
        self.ends(3, n, "show-key", "nobody", said="no peer named")
        for name in ("nobody", "nobody~1", "a b~"):
            self.ends(3, n, "view", "--from", name, said="no peer named")
        self.ends(3, n, "status", "00000000")
        self.ends(3, n, "restore", os.path.join(n.dir, "nothing"), said="no file")

    def test_exit_4_keys_and_trust(self):
        n = self.person()
        n.add_peer("bob")
        self.ends(4, n, "add-peer", "bob", said="there is a peer named \"bob\" already")

    def test_exit_5_refused_by_size(self):
        n = self.person(GOSSIPD_MAX_MESSAGE="100")
        self.ends(5, n, "send", "-m", "x" * 101, said="the message is 101 bytes long, the limit is 100")

    def test_exit_6_no_key_yet(self):
        """Whoever takes every key as it is made is played by a trigger."""
        n = self.person()
        n.send("hello")
        db = sqlite3.connect(n.db)
        db.execute("CREATE TRIGGER taken AFTER INSERT ON keys BEGIN DELETE FROM keys WHERE id=new.id; END")
        db.commit()
        db.close()
        self.ends(6, n, "add-peer", "bob", said="other programs took every key as it was made", deadline=3 * PATIENCE)

    def test_exit_7_busy(self):
        n = self.node("ann")
        self.ends(7, n, "recover", said="gossipd runs on")

    def test_exit_8_no_daemon(self):
        n = self.person()
        n.add_peer("bob")
        self.ends(8, n, "ping", "bob")

    def test_exit_9_timed_out(self):
        """A friend whose daemon stands still, with the session up."""
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        wait_until(lambda: json.loads(a.must("peers", "--json"))["up"], "the session", nodes=[a, b])
        for pid in sorted(b.processes()):
            os.kill(pid, signal.SIGSTOP)
        self.ends(9, a, "ping", "bob", deadline=2 * PATIENCE)

    def test_exit_10_damaged_or_not_ours(self):
        n = self.person()
        n.send("hello")
        with open(n.db, "r+b") as f:
            f.write(b"nothing like a database")
        self.ends(10, n, "view")

    def test_exit_11_output_that_cannot_be_written(self):
        n = self.person()
        n.add_peer("bob")
        message, key = n.send("hello"), n.must("show-key", "bob")
        for words, said in ((("view",), "make room"), (("add-peer", "bob", "--replace"), "the key was replaced all the same; gossipc show-key bob"),
                            (("add-peer", "carol"), "the friend was added all the same; gossipc show-key carol"),
                            (("invite", "dora"), "the line is lost: --replace makes another"),
                            (("send", "-m", "again"), "the message was sent all the same; its id is"),
                            (("send", "--batch"), "sent: 2000, nothing after that"), (("delete", message), "the text was deleted all the same"),
                            (("recover", "--into", os.path.join(n.dir, "data", "saved")), "data/saved all the same")):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([GOSSIPC, *words], env=n.env, input=b"line\n" * 2000, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
            self.assertEqual(done.returncode, 11, done)
            self.assertIn(said, done.stderr.decode())
        self.assertNotEqual(n.must("show-key", "bob"), key)
        self.assertEqual(n.count(), 2002)
        with open("/dev/full", "wb") as full:
            done = subprocess.Popen([GOSSIPC, "send", "--batch"], env=n.env, stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE)
            done.stdin.write(b"one\n")
            done.stdin.flush()
            said = done.stderr.read()  # to its end, while there may be more to send
            self.assertEqual(done.wait(PATIENCE), 11, said)
            done.stdin.close()
            done.stderr.close()
        self.assertIn(b"sent: 1, nothing after that", said)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([GOSSIPC, "send", "--batch"], env=n.env, input=b"one\n\xff\n", stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 11, done)

    def test_a_reader_who_has_gone_is_an_error_only_where_nothing_can_be_had_again(self):
        n = self.person()
        n.add_peer("bob")
        n.send("hello")
        for code, words in ((0, ("view", "--all")), (0, ("show-key", "bob")), (0, ("send", "-m", "hello")), (11, ("invite", "carol")),
                            (11, ("send", "--batch"))):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([GOSSIPC, *words], env=n.env, input=b"one\ntwo\n", stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE)
            os.close(writing)
            self.assertEqual(done.returncode, code, done)

    def test_exit_70_our_bug(self):
        """A check of our own that fails calls abort(): what comes of that, wherever it is."""
        n = self.person()
        child = subprocess.Popen([GOSSIPC, "send", "--batch"], env=n.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, **OWN_GROUP)
        self.addCleanup(child.kill)
        child.stdin.write(b"hello\n")
        child.stdin.flush()
        self.assertRegex(child.stdout.readline(), rb"^[0-9a-f]{64}\n$")  # it has begun, and waits for more
        child.send_signal(signal.SIGABRT)
        child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, 70)


class Completion(Case):
    ASK = ("source <(\"$0\" completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
           "_gossipc \"$0\" \"${COMP_WORDS[COMP_CWORD]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"")

    def offered(self, *words, env=None):
        done = run(["bash", "-c", self.ASK, GOSSIPC, "gossipc", *words], env or dict(os.environ))
        self.assertEqual((done.status, done.err), (0, ""), done)
        return set(done.out.split())

    def test_it_needs_nothing_of_the_environment(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertEqual(run([GOSSIPC, "completion", shell], {"GOSSIPD_DB_PATH": ""}).status, 0, shell)
        shown = run(["bash", "-c", "source <(\"$0\" completion bash); complete -p gossipc", GOSSIPC], dict(os.environ))
        self.assertEqual(shown.out, "complete -F _gossipc gossipc\n", shown)

    def test_bash_knows_every_command_and_every_flag(self):
        table = commands()
        self.assertGreater(len(table), 25)
        classic = {"--" + flag for flag in table.values() if flag}
        self.assertEqual(self.offered(""), self.offered("-") | set(table))
        self.assertLessEqual(classic | {"--help", "--version", "--format-version", "-h", "-V"}, self.offered("-"))
        self.assertEqual(self.offered("set-"), {name for name in table if name.startswith("set-")})
        for name, flag in table.items():
            self.assertEqual(self.offered(name, "-"), flags_of(name), name)
            if flag:
                self.assertEqual(self.offered("--" + flag, "-"), flags_of(name), flag)

    def test_zsh_and_fish_have_the_same(self):
        """Where the shells are not installed: what the scripts say."""
        zsh, fish = (run([GOSSIPC, "completion", shell], dict(os.environ)).out for shell in ("zsh", "fish"))
        common = {"--quiet", "--help", "-h"}
        for name in commands():
            arm = re.search(r"^    %s\) _arguments.*?;;$" % name, zsh, re.M | re.S).group(0)
            there = set(re.findall(r"(?:[{,]|'[*]'|'\(--[a-z -]*\w\)')(--?[a-zA-Z-]+)(?=[,}']|$)", arm))
            self.assertEqual(there | common, flags_of(name), name)
            rows = re.findall(r"^complete -c gossipc -n 'test \(__gossipc_command\) = %s' -l ([a-z-]+)(?: -s (\w))?" % name, fish, re.M)
            there = {"--" + word for word, _ in rows} | {"-" + letter for _, letter in rows if letter}
            self.assertEqual(there | common, flags_of(name), name)
            self.assertIn("complete -c gossipc -n '__gossipc_first' -a %s -d " % name, fish)
            self.assertRegex(zsh, r"(?m)^    '%s:" % name)

    def test_bash_knows_friends_files_and_shells(self):
        n = self.person()
        open(os.path.join(n.dir, "a key"), "w", encoding="ascii").close()
        for words in (("show-key", "b"), ("view", "--from", ""), ("--delete-peer", "-n", "b"), ("view", "--from", "=", "b")):
            self.assertEqual(self.offered(*words, env=n.env), {"bob", "bert"}, words)
        self.assertEqual(self.offered("show-key", "x", env=n.env), set())
        self.assertEqual(self.offered("show-key", "", env=dict(n.env, GOSSIPD_PASSPHRASE_FD="0")), set())
        for words in (("backup",), ("set-peer-key", "bob", "--pubkey-file")):
            done = run(["bash", "-c", self.ASK, GOSSIPC, "gossipc", *words, n.dir + "/a"], n.env)
            self.assertEqual(done.out, n.dir + "/a key\n", done)
        self.assertEqual(self.offered("completion", ""), {"bash", "zsh", "fish"})
        self.assertEqual(self.offered("send", "-m", "", env=n.env), set())
        self.assertEqual(self.offered("--host", "view", "add", env=n.env), {"add-peer"}, "a value is no command")

    def syntax(self, shell):
        script = run([GOSSIPC, "completion", shell], dict(os.environ)).out
        done = run([shell, "-n"] + (["/dev/stdin"] if shell == "fish" else []), dict(os.environ), script)
        self.assertEqual((done.status, done.err), (0, ""), done)

    def person(self):
        n = self.node("ann", start=False)
        n.add_peer("bob")
        n.add_peer("bert")
        return n

    # An interactive zsh in a terminal of its own: what is typed, twice the tabulator, all erased, and a word that was not typed so.
    ZSH = ("zmodload zsh/zpty && zpty z zsh -f -i || exit 99; "
           "zpty -w z \"PS1='AS''K> '; stty cols 200 rows 100; autoload -Uz compinit; compinit -u -D; source <(${(q)1} completion zsh); "
           "compdef _gossipc gossipc; setopt nolistambiguous; print REA''DY\"; zpty -r z said '*READY*ASK> *'; "
           "zpty -w -n z ${(q)1}\" $2\"$'\\t\\t\\x15'; zpty -w z \"print EN''DED\"; zpty -r z said '*ENDED*'; zpty -d z; print -r -- $said")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_reads_it_and_offers_what_bash_does(self):
        self.syntax("zsh")
        n, everything = self.person(), set(commands()) | {"bob", "bert"}
        for words in (("set-",), ("view", "--from", "b"), ("--delete-peer", "-n", "b"), ("show-key", "b"), ("completion", "")):
            done = run(["zsh", "-f", "-c", self.ZSH, "zsh", GOSSIPC, " ".join(words)], n.env)
            self.assertEqual((done.status, done.err), (0, ""), done)
            shown = set(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.out).split())
            wanted = self.offered(*words, env=n.env)
            self.assertLessEqual(wanted, shown, done)
            self.assertLessEqual(shown & everything, wanted | set(words), done)

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish_reads_it_and_offers_what_bash_does(self):
        self.syntax("fish")
        n = self.person()
        for words in (("set-",), ("view", "-"), ("send", "--"), ("view", "--from", "b"), ("--delete-peer", "-n", "b"), ("show-key", "b"),
                      ("completion", ""), ("--host", "view", "add"), ("",)):
            done = run(["fish", "-c", "$argv[1] completion fish | source; complete -C \"$argv[2..]\"", GOSSIPC, GOSSIPC, *words], n.env)
            self.assertEqual((done.status, done.err), (0, ""), done)
            offered = {line.split("\t")[0] for line in done.out.splitlines()}
            wanted = self.offered(*words, env=n.env)
            self.assertEqual(offered, wanted if words[-1] else wanted - {w for w in wanted if w.startswith("-")}, words)


class Words(Case):
    def test_versions_are_one_line(self):
        self.assertRegex(run([GOSSIPC, "--version"], {}).out, r"^gossipc \d+\.\d+\.\d+\n$")
        self.assertRegex(run([GOSSIPC, "--format-version"], {}).out, r"^[1-9]\d*\n$")

    def test_quiet_says_nothing_where_all_is_well(self):
        n = self.node("ann", start=False)
        kept, saved = os.path.join(n.dir, "kept"), os.path.join(n.dir, "data", "saved")
        message = n.send("hello")
        steps = [("add-peer", "bob"), ("set-address", "bob", "--host", "127.0.0.1"), ("set-address", "bob", "--none"), ("show-key", "bob"),
                 ("peers",), ("keys",), ("send", "-m", "again"), ("send", "--batch"), ("view",), ("status",), ("status", message), ("fsck", "--full"),
                 ("backup", kept), ("restore", kept), ("recover", "--into", saved), ("delete", message), ("delete-peer", "bob"), ("peers",),
                 ("passphrase", "--remove")]
        for step in steps:
            done = n.gossipc(*step, "--quiet", stdin="one\ntwo\n" if "--batch" in step else None)
            self.assertEqual((done.status, done.err), (0, ""), (step, done))

    def test_how_far_a_batch_is_shows_on_a_terminal_alone(self):
        mine, theirs = terminal()
        self.addCleanup(os.close, mine)
        n = self.node("ann", start=False)
        children = [subprocess.Popen([GOSSIPC, "send", "--batch", *more], env=n.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                     stderr=where, **OWN_GROUP) for where, more in ((theirs, ()), (theirs, ("--quiet",)), (subprocess.PIPE, ()))]
        os.close(theirs)
        for child in children:
            self.addCleanup(child.kill)
        os.set_blocking(mine, False)
        shown = []

        def feed():
            for child in children:
                child.stdin.write(b"hello\n")
                child.stdin.flush()
            try:
                shown.append(os.read(mine, 4096))
            except BlockingIOError:
                pass
            return re.search(rb"^\r(\d+) sent\x1b\[K", b"".join(shown))
        wait_until(feed, "progress", every=0.05)
        for child in children:
            child.stdin.close()
            self.assertEqual(child.wait(PATIENCE), 0)
        self.assertEqual(children[2].stderr.read(), b"")
        children[2].stderr.close()
        rest = wait_until(lambda: self.rest(mine, shown), "the line to be taken away")
        self.assertTrue(rest.endswith(b"\r\x1b[K"), rest)
        self.assertEqual(len(re.findall(rb"sent", rest)), len(set(re.findall(rb"(\d+) sent", rest))), "one of the two counts")

    @staticmethod
    def rest(mine, shown):
        try:
            shown.append(os.read(mine, 4096))
        except (BlockingIOError, OSError):
            pass
        all_of_it = b"".join(shown)
        return all_of_it if all_of_it.endswith(b"\r\x1b[K") else None


if __name__ == "__main__":
    unittest.main()
