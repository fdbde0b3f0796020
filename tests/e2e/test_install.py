"""make install, make uninstall and make deb, into folders of the test's own."""
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from gossip import BUILD, FACTOR, GOSSIPC, HOME, run

PAGES = {"gossipc.1": "man1", "gossipdrc.5": "man5", "gossip.7": "man7", "gossipd.8": "man8"}


def make(*args, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in ("MFLAGS", "DESTDIR", "PREFIX", "SOURCE_DATE_EPOCH")}
    return run(["make", "-s", "-C", HOME, "-o", "all", "BUILD=" + BUILD, *args], dict(clean, **env), deadline=60 * FACTOR)


def files(root):
    """Path below root: mode, of everything but folders."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = stat.S_IMODE(os.lstat(path).st_mode)
    return found


def content(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


class Place(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="gossip-install-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)

    def made(self, *args, **env):
        done = make(*args, **env)
        self.assertEqual((done.status, done.err), (0, ""), done)
        return done.out


class Install(Place):
    def expected(self, prefix="usr/local", man=None, unit=None, user=None, bash=None, zsh=None, fish=None):
        there = {prefix + "/bin/gossipd": 0o755, prefix + "/bin/gossipc": 0o755}
        there.update({"%s/%s/%s" % (man or prefix + "/share/man", folder, page): 0o644 for page, folder in PAGES.items()})
        there[(unit or prefix + "/lib/systemd/system") + "/gossipd@.service"] = 0o644
        there[(user or prefix + "/lib/systemd/user") + "/gossipd.service"] = 0o644
        there[(bash or prefix + "/share/bash-completion/completions") + "/gossipc"] = 0o644
        there[(zsh or prefix + "/share/zsh/site-functions") + "/_gossipc"] = 0o644
        there[(fish or prefix + "/share/fish/vendor_completions.d") + "/gossipc.fish"] = 0o644
        return there

    def test_all_is_in_its_usual_place_and_uninstall_leaves_only_what_is_not_ours(self):
        where = "DESTDIR=" + self.root
        self.made("install", where)
        ours = self.expected()
        self.assertEqual(files(self.root), ours)
        self.assertEqual(content(self.root, "usr/local/bin/gossipc"), content(GOSSIPC))
        for path in sorted(ours):  # a neighbour in each folder, with a name like ours
            with open(os.path.join(self.root, path + ".mine"), "w", encoding="ascii") as f:
                f.write("mine\n")
        self.made("install", where)  # again, over the first
        self.made("uninstall", where)
        self.assertEqual(set(files(self.root)), {path + ".mine" for path in ours})
        self.made("uninstall", where)  # nothing there is no fault

    def test_every_place_can_be_chosen(self):
        places = ["PREFIX=/opt/gossip", "MANDIR=/man", "UNITDIR=/unit", "USERUNITDIR=/user", "BASHCOMPDIR=/b", "ZSHCOMPDIR=/z", "FISHCOMPDIR=/f"]
        old = os.umask(0o077)  # what others have to read is readable all the same
        try:
            self.made("install", "DESTDIR=" + self.root, *places)
        finally:
            os.umask(old)
        self.assertEqual(files(self.root), self.expected("opt/gossip", "man", "unit", "user", "b", "z", "f"))
        for unit in ("unit/gossipd@.service", "user/gossipd.service"):
            self.assertIn(b"\nExecStart=/opt/gossip/bin/gossipd\n", content(self.root, unit))
        self.made("uninstall", "DESTDIR=" + self.root, *places)
        self.assertEqual(files(self.root), {})

    def test_the_completions_are_those_of_the_program(self):
        self.made("install", "DESTDIR=" + self.root, "PREFIX=")
        for shell, path in (("bash", "share/bash-completion/completions/gossipc"), ("zsh", "share/zsh/site-functions/_gossipc"),
                            ("fish", "share/fish/vendor_completions.d/gossipc.fish")):
            self.assertEqual(content(self.root, path).decode(), run([GOSSIPC, "completion", shell], dict(os.environ)).out)

    def test_the_unit_of_a_person(self):
        self.made("install", "DESTDIR=" + self.root, "PREFIX=/usr")
        text = content(self.root, "usr/lib/systemd/user/gossipd.service").decode()
        there = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
        must = {"Type": "notify", "ExecStart": "/usr/bin/gossipd", "Environment": "GOSSIPD_USERNAME=%u", "UMask": "0077", "LimitCORE": "0",
                "NoNewPrivileges": "yes", "MemoryDenyWriteExecute": "yes", "WantedBy": "default.target", "RestartPreventExitStatus": "2 4 10"}
        self.assertEqual({key: there.get(key) for key in must}, must)
        system = content(self.root, "usr/lib/systemd/system/gossipd@.service").decode()
        calls = re.findall(r"^SystemCall.*$", system, re.M)
        self.assertEqual(re.findall(r"^SystemCall.*$", text, re.M), calls, "the same system calls as in the other unit")


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not here")
class Package(Place):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gossip-deb-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.deb = cls.package()

    @classmethod
    def package(cls, **env):
        """A copy of the package, under its own name."""
        done = make("deb", SOURCE_DATE_EPOCH="1767225600", **env)
        if done.status or done.err:
            raise AssertionError(repr(done))
        path = os.path.join(HOME, done.out.splitlines()[-1])
        return shutil.move(path, os.path.join(tempfile.mkdtemp(dir=cls.folder), os.path.basename(path)))

    def ask(self, *args):
        done = run(["dpkg-deb", *args], dict(os.environ, TZ="UTC"))
        self.assertEqual(done.status, 0, done)
        return done.out

    def test_control_contents_and_sums(self):
        deb = self.deb
        version = run([GOSSIPC, "--version"], {}).out.split()[1]
        self.assertEqual(self.ask("-f", deb, "Package", "Version"), "Package: gossipd\nVersion: %s\n" % version)
        self.assertIn("gossipd_%s_" % version, deb)
        needed = re.findall(r"(?:^|, )([a-z0-9.+-]+?)(?:t64)?(?: \(>= [\w.:+~-]+\))?(?=,|$)", self.ask("-f", deb, "Depends").strip())
        self.assertLessEqual({"libc6", "libssl3", "libsqlite3-0", "libstdc++6"}, set(needed))
        self.ask("-R", deb, self.root)
        self.assertEqual(set(os.listdir(os.path.join(self.root, "DEBIAN"))), {"control", "md5sums", "postinst", "prerm", "postrm"})
        sums = dict(reversed(line.split("  ")) for line in content(self.root, "DEBIAN/md5sums").decode().splitlines())
        there = {path: hashlib.md5(content(self.root, path)).hexdigest() for path in files(self.root) if not path.startswith("DEBIAN/")}
        self.assertEqual(sums, there)
        for script in ("postinst", "prerm", "postrm"):
            done = run(["sh", "-n", os.path.join(self.root, "DEBIAN", script)], dict(os.environ))
            self.assertEqual((done.status, done.err), (0, ""), done)
        for page, folder in PAGES.items():
            packed = content(self.root, "usr/share/man", folder, page + ".gz")
            self.assertEqual(packed[3:8], bytes(5), "neither name nor time: gzip -n")
            self.assertEqual(subprocess.run(["gzip", "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout, content(HOME, "man", page))

    def test_owners_modes_and_times(self):
        rows = self.ask("-c", self.deb).splitlines()
        self.assertGreater(len(rows), 20)
        for row in rows:
            mode, owner, _, day, _, path = row.split(None, 5)
            wanted = "drwxr-xr-x" if path.endswith("/") else "-rwxr-xr-x" if "/bin/" in path else "-rw-r--r--"
            self.assertEqual((mode, owner, day), (wanted, "root/root", "2026-01-01"), row)
        self.assertFalse([row for row in rows if "/etc" in row], "no conffiles")

    def test_it_is_the_same_again(self):
        self.assertEqual(content(self.deb), content(self.package()))

    def test_without_dpkg_dev_it_depends_on_the_packages_of_its_libraries(self):
        tools = os.path.join(self.root, "bin")
        os.mkdir(tools)
        for folder in os.environ["PATH"].split(":"):
            for path in glob.glob(os.path.join(folder, "*")):
                name = os.path.basename(path)
                if name != "dpkg-shlibdeps" and not os.path.lexists(os.path.join(tools, name)):
                    os.symlink(path, os.path.join(tools, name))
        self.assertRegex(self.ask("-f", self.package(PATH=tools), "Depends"), r"\blibc6 \(>= 2\..*\blibssl3\w* \(>= 3\..*\blibstdc\+\+6 \(>= ")


if __name__ == "__main__":
    unittest.main()
