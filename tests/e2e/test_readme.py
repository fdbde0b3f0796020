"""The tour of README.md works as printed, and so does the demonstration."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from gossip import BUILD, FACTOR, HOME, session, silent_port

README = os.path.join(HOME, "README.md")


class Readme(unittest.TestCase):
    def run_shell(self, command, env, limit):
        """Exit status and output. What the script leaves running is ended; nothing else is."""
        with tempfile.TemporaryFile() as out:
            child = subprocess.Popen(command, cwd=HOME, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                     start_new_session=True)
            try:
                status = child.wait(limit)
            except subprocess.TimeoutExpired:
                status = "no end after %d s" % limit
            left = [pid for pid in session(child.pid) if pid != child.pid]
            for pid in [child.pid] + left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            child.wait()
            out.seek(0)
            return status, out.read().decode("utf-8", "replace"), left

    def test_demo_is_a_conversation_in_both_directions(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("GOSSIPD_")}
        status, out, left = self.run_shell(["sh", "tests/e2e/demo.sh", BUILD], env, 60 * FACTOR)
        self.assertEqual(status, 0, out)
        self.assertEqual(left, [], "the demonstration left processes behind")
        self.assertRegex(out, r"\|delivered_by:ann\|sender:ann\|")
        self.assertRegex(out, r"\|delivered_by:bob\|sender:bob\|")

    @staticmethod
    def ours(script):
        """As printed, but with the build under test, and ports that are free now."""
        script = script.replace("$PWD/build:", BUILD + ":")
        for port in sorted(set(re.findall(r"\b55\d\d\b", script))):
            script = script.replace(port, str(silent_port()))
        return script

    @unittest.skipUnless(os.path.exists(README), "no README.md yet")
    def test_tour(self):
        with open(README, encoding="utf-8") as f:
            text = f.read()
        tour = re.search(r"^##[^\n]*tour[^\n]*\n(.*?)(?=^## |\Z)", text, re.S | re.M | re.I)
        self.assertTrue(tour, "README.md has no section with 'tour' in its heading")
        blocks = re.findall(r"^```sh\n(.*?)^```", tour.group(1), re.S | re.M)
        self.assertTrue(blocks, "the tour has no ```sh block")
        folder = tempfile.mkdtemp(prefix="gossip-tour-")
        try:
            script = os.path.join(folder, "tour.sh")
            with open(script, "w", encoding="utf-8") as f:
                f.write("set -e\n" + self.ours("\n".join(blocks)))
            env = {k: v for k, v in os.environ.items() if not k.startswith("GOSSIPD_")}
            env.update(HOME=folder, TMPDIR=folder, PATH=BUILD + ":" + env["PATH"])
            status, out, _ = self.run_shell(["sh", script], env, 90 * FACTOR)
            self.assertEqual(status, 0, out)
            self.assertIn("delivered_by:", out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
