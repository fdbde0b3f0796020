#!/usr/bin/env python3
"""The papers against the sources: what a page lists exists in the program's tables, and the other way round.

    python3 tests/lint/papers.py [--build build]

Prints one line for each fault; exit 1 when there is one.
"""
import argparse
import base64
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ("gossip.7", "gossipd.8", "gossipc.1", "gossipdrc.5")


def read(path):
    with open(os.path.join(HOME, path), encoding="utf-8") as f:
        return f.read()


def section(page, name):
    """The text of a section or subsection of an mdoc page, up to the next one of its rank."""
    found = re.search(r'^\.(Sh|Ss) "?%s"?\n(.*?)(?=^\.Sh|^\.\1|\Z)' % re.escape(name), page, re.M | re.S)
    return found.group(2) if found else ""


def differ(what, documented, there):
    documented, there = set(documented), set(there)
    for name in sorted(documented - there):
        yield "%s: %s is documented and does not exist" % (what, name)
    for name in sorted(there - documented):
        yield "%s: %s exists and is not documented" % (what, name)
    if not documented and not there:
        yield "%s: nothing found" % what


# --- mdoc

def mandoc():
    if not shutil.which("mandoc"):
        return
    for page in PAGES:
        done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", "man/" + page], cwd=HOME, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        for line in done.stdout.splitlines():
            yield line


def references():
    """Sections that a page sends its reader to, and sources that send theirs to a page."""
    pages = {page: read("man/" + page) for page in PAGES}
    titles = {page: set(re.findall(r'^\.S[hs] "?(.*?)"?$', text, re.M)) for page, text in pages.items()}
    for page, text in pages.items():
        for name in re.findall(r'^\.(?:Pq )?Sx (.*?)(?: [.,;:)]+)*$', text, re.M) + re.findall(r'\bTa Sx (.*?) Ta|^\.It Sx (.*?) Ta', text):
            name = name if isinstance(name, str) else "".join(name)
            if name not in titles[page]:
                yield "%s: there is no section %s" % (page, name)
        for name, number in re.findall(r'\.Xr (gossip\w*) (\d)', text):
            if "%s.%s" % (name, number) not in PAGES:
                yield "%s: there is no page %s(%s)" % (page, name, number)
    for path in sorted(glob.glob(os.path.join(HOME, "include/gossip/*.h")) + glob.glob(os.path.join(HOME, "src/*/*.[ch]*"))):
        for name, number, where in re.findall(r'(gossip\w*)\((\d)\), ([A-Z]{4,}(?: [A-Z]{4,})*)', read(path)):
            page = "%s.%s" % (name, number)
            if where not in {t.upper() for t in titles.get(page, ())}:
                yield "%s: %s has no section %s" % (os.path.relpath(path, HOME), page, where)


# --- vectors

def vectors(text):
    """NAME = HEX lines, as a list of pairs."""
    return [(n.strip(), h) for n, h in re.findall(r"^([^=\n#]+?) += ([0-9a-f]+)$", text, re.M)]


def printed():
    blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed", section(read("man/gossip.7"), "EXAMPLES"), re.M | re.S)
    return [pair for block in blocks for pair in vectors(block)]


def check_vectors():
    files = {name: dict(vectors(read("tests/vectors/" + name))) for name in ("handshake.txt", "frames.txt", "messages.txt")
             if os.path.exists(os.path.join(HOME, "tests/vectors", name))}
    page = printed()
    known = {name: value for values in files.values() for name, value in values.items()}
    if len(dict(page)) != len(page):
        yield "gossip.7: a vector is printed twice"
    for name, value in page:
        if name not in known and "handshake.txt" in files:
            yield "gossip.7: vector %s is in no file of tests/vectors" % name
        elif name in known and known[name] != value:
            yield "gossip.7: vector %s differs from tests/vectors" % name
    for name in files.get("handshake.txt", {}):
        if name not in dict(page):
            yield "gossip.7: vector %s of handshake.txt is not printed" % name
    if len(page) < 50:
        yield "gossip.7: only %d vectors found" % len(page)


def check_derived():
    """What the page prints between its lines, made anew."""
    text, values = read("man/gossip.7").replace("\n", " "), {n: bytes.fromhex(h) for n, h in printed()}
    digest = hashlib.sha256(b"gossipd/1 psk\0" + bytes(range(32)) + bytes(32)).hexdigest()
    both = b"".join(sorted((values["fp_I"], values["fp_R"])))
    code = base64.b32encode(hashlib.sha256(b"gossipd/1 pair\0" + both).digest()).decode()[:26]
    code = "-".join((code[:5], code[5:10], code[10:15], code[15:20], code[20:]))
    ids = [(name, hashlib.sha256(b"gossipd/1 message\0" + value).digest(), int.from_bytes(value[4:10], "big") // 86400000)
           for name, value in values.items() if name + ".id" in values]
    if digest not in text:
        yield "gossip.7: the psk of the network key 000102...1f is not printed, or wrong"
    if code not in text:
        yield "gossip.7: the pair code of fp_I and fp_R is not printed, or wrong"
    for name, message_id, epoch in ids:
        if values[name + ".id"] != message_id or int.from_bytes(values[name + ".epoch"], "big") != epoch:
            yield "gossip.7: id or epoch of %s is wrong" % name


def check_invitation():
    """The line that is printed is that of the file, and begins and ends as the page says of it."""
    page = section(read("man/gossip.7"), "An invitation")
    block = re.search(r"^\.Bd -literal\n(.*?)^\.Ed", page, re.M | re.S)
    there = "".join(line for line in read("tests/vectors/invite.txt").splitlines(True) if not line.startswith("#"))
    if not block or block.group(1) != there:
        yield "gossip.7: the invitation differs from tests/vectors/invite.txt"
        return
    version, digits = re.fullmatch(r"gossip-invite:(\d):([\w-]+)", there.replace("\n", "")).groups()
    payload = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    check = hashlib.sha256(b"gossipd/1 invite\0" + payload[:-8]).digest()[:8]
    until = re.search(r"until is (\d+) ms", page).group(1)
    if (version, check, int.from_bytes(payload[:8], "big")) != ("1", payload[-8:], int(until)) or "So check is %s," % check.hex() not in page:
        yield "gossip.7: check or until of the invitation is wrong"


# --- gossip(7) and the core's numbers

def constants():
    """constexpr numbers of the headers, those that are plain arithmetic."""
    found = {}
    headers = ["include/gossip/time.h"] + sorted(glob.glob(os.path.join(HOME, "include/gossip/*.h"))) + ["src/crypto/keys.h"]
    for path in headers:
        text = re.sub(r"//.*", "", read(path))
        text = re.sub(r", (k\w+ = \d+)(?=[,;])", r"; constexpr int \1", text)  # several in one declaration
        for name, value in re.findall(r"constexpr [\w:]+ (k\w+) = ([^;]+);", text):
            value = re.sub(r"std::uint64_t\{(\w+)\}", r"\1", value).replace("'", "")
            if re.fullmatch(r"[\w\s*+<>()/-]+", value):
                try:
                    found[name] = eval(value, {"__builtins__": {}}, dict(found))
                except NameError:
                    pass
    return found


ROWS = {  # row of gossip(7) LIMITS: the constants in it, in order
    "M1, M2, M3": ("kM1", "kM2", "kM3"), "cell, data in it": ("kCell", "kCellData"), "data of PING": ("kPingData",),
    "payload of a frame": ("kMaxFrame",), "message of any kind": ("kMaxMessage",),
    "text of kind 0": ("kMaxText",), "sender": ("kMaxSender",), "parents": ("kMaxParents",),
    "entries of one HAVE, WANT or GONE": ("kMaxBatch",), "seqs wanted and not answered": ("kMaxWanted",), "credit": ("kMaxCredit",),
    "PEM of a key": ("kMaxPem",), "KEY, characters of an invitation": ("kMaxKey", "kMaxInvite"), "peers": ("kMaxPeers",), "addresses of one peer, numbers of one name": ("kMaxAddresses", "kMaxNumbers"),
    "entries granted at a time, at most": (("kCreditGrant", "kCredit"),),
    "bodies and partial frames, all friends together": ("kMaxFlight",),
    "a turn of a friend, in the tail so many times": ("kQuantum", "kTailShare"),
    "unresolved entries, all friends together": ("kMaxUnresolved",), "bodies wanted from one friend at once": ("kFirstWindow", "kWindowBodies", "kWindowBytes"),
    "a message in a quota, beside its own bytes": ("kRowCost",),
    "messages in one transaction": ("kBatchMessages", "kBatchBytes"),
    "rungs of one log, entries between two of them": ("kMaxRungs", "kRungStep"),
    "connections before they are open": ("kCallers",), "M1 answered in one second": ("kM1PerSecond", "kM1Burst"),
    "remembered n_I": ("kReplaySet",), "handshakes of one peer in one minute": ("kHandshakesPerMinute",),
}


def numbers(text):
    text = text.replace(",", "")
    text = re.sub(r"(\d+)\^(\d+)", lambda m: str(int(m.group(1)) ** int(m.group(2))), text)
    text = re.sub(r"(\d+) KiB", lambda m: str(int(m.group(1)) << 10), text)
    text = re.sub(r"(\d+) MiB", lambda m: str(int(m.group(1)) << 20), text)
    return [int(n) for n in re.findall(r"\d+", text)]


def check_limits():
    there, rows = constants(), dict(re.findall(r"^\.It (.*?) Ta (.*)$", section(read("man/gossip.7"), "LIMITS"), re.M))
    for row, names in ROWS.items():
        wanted = [next((there[n] for n in ((name,) if isinstance(name, str) else name) if n in there), None) for name in names]
        if row not in rows:
            yield "gossip.7: LIMITS has no row %s" % row
        elif None in wanted:
            yield "gossip.7: LIMITS, %s: no constant %s in the headers" % (row, names)
        elif numbers(rows[row]) != wanted:
            yield "gossip.7: LIMITS, %s: says %s, the headers say %s" % (row, rows[row], wanted)


def check_counters():
    counted = set(re.findall(r'\{"(\w+)",\s*&EngineStats::', read("src/gossipd/chronicle.cc")))
    told = set(re.findall(r"\w+", " ".join(re.findall(r"^\.It (.*)$", section(read("man/gossipd.8"), "COUNTERS"), re.M))))
    for name in sorted(counted - told):
        yield "gossipd.8, COUNTERS: %s is counted and not documented" % name


def check_escapes():
    text = section(read("man/gossip.7"), "TEXT").replace("\n", " ")
    page = [(int(a, 16), int(b or a, 16)) for a, b in re.findall(r"U\+([0-9A-F]{4,5})(?: to U\+([0-9A-F]{4,5}))?", text)]
    code = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"\{0x([0-9A-F]+), 0x([0-9A-F]+)\}", read("src/core/text.cc"))]
    flat = [{c for a, b in ranges for c in range(a, b + 1)} for ranges in (page, code)]
    if flat[0] != flat[1] or not flat[0]:
        yield "gossip.7: TEXT and src/core/text.cc escape different characters"


# --- the environment

def check_environment():
    there = dict(re.findall(r'^\s*\{"(GOSSIPD_\w+)", (true|false),', read("src/config/variables.cc"), re.M))
    page = read("man/gossipdrc.5")
    items = re.findall(r"^\.It Ev (.*)$", page, re.M)
    yield from differ("gossipdrc.5", (name for item in items for name in item.split(" , ")), there)
    client = re.findall(r"^\.It Ev (\w+)$", read("man/gossipc.1"), re.M)
    yield from differ("gossipc.1, ENVIRONMENT", client, (n for n, for_client in there.items() if for_client == "true"))
    named = set(re.findall(r"\bGOSSIPD_[A-Z_]*[A-Z]\b", read("gossipdrc.example") + read("README.md") + "".join(read("man/" + p) for p in PAGES)))
    for name in sorted(named - set(there)):
        yield "papers: %s is no variable" % name


def check_defaults():
    fields = dict(re.findall(r'^  [\w:]+ (\w+) = "?([\w.]+)"?(?: \* kSecond)?;', read("src/config/config.h"), re.M))
    page = re.findall(r"^\.It Ev GOSSIPD_(\w+)\n(.*?)(?=^\.It|^\.El)", read("man/gossipdrc.5"), re.M | re.S)
    stated = {name.lower(): m.group(1) for name, text in page for m in [re.search(r"^Default: ([\w.]+?)[.,](?:\s|$)", text, re.M)] if m}
    for name, value in sorted(fields.items()):
        if stated.get(name) != value:
            yield "gossipdrc.5: the default of %s is %s, not %s" % (name, value, stated.get(name))
    if len(fields) < 6:
        yield "gossipdrc.5: only %d defaults found" % len(fields)


# --- gossipc

def exit_codes(page):
    return re.findall(r"^\.It (\d+)$", section(page, "EXIT STATUS"), re.M)


def enum_values(path, name):
    body = re.search(r"enum (?:class )?%s\b[^{]*\{(.*?)\};" % name, read(path), re.S)
    return re.findall(r"\bk\w+ = (\d+)", re.sub(r"//.*", "", body.group(1))) if body else []


def items(text):
    """Heads of a list's items, each on one line: `.It Xo ... .Xc` put together."""
    text = re.sub(r"^\.It Xo (.*?)^\.Xc$", lambda m: ".It " + m.group(1).replace("\n.", " ").replace("\n", " "), text, flags=re.M | re.S)
    return re.findall(r"^\.It (.*)$", text, re.M)


def check_client():
    page, table = read("man/gossipc.1"), read("src/gossipc/commands.cc")
    rows = re.findall(r'^\s*\{"([a-z-]+)", (?:"([a-z-]+)"|nullptr), (?:\'(\w)\'|0), (k\w+), "(\w*)",', table, re.M)
    enum = dict(re.findall(r"\b(k\w+) = '(.)'", read("src/gossipc/options.h")))
    options = re.findall(r'^\s*\{(k\w+), (true|false), "([a-z-]+)", (?:"(\w+)"|nullptr),', read("src/gossipc/options.cc"), re.M)
    long_of = {enum[k]: name for k, _, name, _ in options}
    described = [i for i in items(section(page, "Commands")) if i.startswith("Ic ")]
    yield from differ("gossipc.1, commands", (i.split()[1] for i in described), (row[0] for row in rows))
    heads = {i.split()[1]: set(re.findall(r"Fl -([a-z-]+)", i)) for i in described}
    for name, _, _, positional, letters in rows:
        takes = {long_of[c] for c in letters if not (positional == "kName" and c == enum["kName"])}
        yield from differ("gossipc.1, options of " + name, heads.get(name, ()), takes) if takes or heads.get(name) else ()
    flags = ["-%s, --%s, %s" % (letter, flag, name) for name, flag, letter, _, _ in rows if flag]
    classic = re.findall(r"^\.It Fl (\w) , -([a-z-]+) Ta Ic ([a-z-]+)$", section(page, "Classic flags"), re.M)
    yield from differ("gossipc.1, classic flags", ("-%s, --%s, %s" % row for row in classic), flags)
    heads = [re.sub(r"Fl (\w) , -", r"-\1 --", i).replace("Fl -", "--").replace("Ar ", "") for i in items(section(page, "Options"))]
    there = [("-%s " % enum[k] if short == "true" else "") + "--" + name + (" " + arg if arg else "") for k, short, name, arg in options]
    yield from differ("gossipc.1, options", heads, there)
    yield from differ("gossipc.1, exit status", exit_codes(page), enum_values("src/gossipc/words.h", "Exit"))
    forms = re.search(r"kFormsVersion = (\d+);", read("src/gossipc/out.h")).group(1)
    if "prints %s.\n" % forms not in section(page, "What scripts may rely on"):
        yield "gossipc.1: --format-version prints %s" % forms


def check_tested():
    """Every command, flag and exit code is named by a process test or a unit test; what completions and help list, scripting asks,
    and test_examples runs an example of every command from the page."""
    table, options = read("src/gossipc/commands.cc"), read("src/gossipc/options.cc")
    tests = "".join(read(p) for p in glob.glob(os.path.join(HOME, "tests/e2e/*.*")) + glob.glob(os.path.join(HOME, "tests/unit/gossipc/*.cc")))
    for name, flag in re.findall(r'^\s*\{"([a-z-]+)", (?:"([a-z-]+)"|nullptr), ', table, re.M):
        for word in (name, "--" + flag) if flag else (name,):
            if not re.search(r'(["\'])%s\1' % re.escape(word), tests):  # an argument of its own, and no word of a sentence
                yield "tests: no test has the command %s" % word
    for name in re.findall(r'^\s*\{k\w+, (?:true|false), "([a-z-]+)",', options, re.M):
        if not re.search(r'(["\'])--%s(=[^"\']*)?\1' % name, tests):
            yield "tests: no test has the flag --%s" % name
    scripting = read("tests/e2e/test_scripting.py")
    yield from differ("test_scripting.py, exit codes", re.findall(r"def test_exit_(\d+)_", scripting), enum_values("src/gossipc/words.h", "Exit"))


def check_json():
    """Fields of --json against what the sources put into objects."""
    rows = re.findall(r"^([a-z_]+(?:, [a-z_]+)+)$", section(read("man/gossipc.1"), "JSON Lines"), re.M)
    sources = "".join(read(p) for p in sorted(glob.glob(os.path.join(HOME, "src/gossipc/*.cc"))))
    there = set(re.findall(r'\.(?:texts?|integer|boolean|null)\("([a-z_]+)"', sources))
    there |= set(re.findall(r"'([a-z_]+)', ", read("src/db/messages.cc")))
    yield from differ("gossipc.1, JSON Lines", (word for row in rows for word in row.split(", ")), there)


def check_reasons():
    page = section(read("man/gossipc.1"), "Why a friend is not up")
    listed = [code for item in re.findall(r"^\.It ([a-z_]+(?: , [a-z_]+)*)$", page, re.M) for code in item.split(" , ")]
    there = re.findall(r'\{Why::k\w+, "([a-z_]+)",', read("src/core/health.cc"))
    yield from differ("gossipc.1, reasons", listed, there)
    known = re.search(r"enum class Why .*?\{(.*?)\n\};", read("include/gossip/health.h"), re.S).group(1)
    if len(re.findall(r"\bk[A-Z]\w*", re.sub(r"//.*", "", known))) != len(there) + 1:
        yield "health.cc: a reason has no words"


# --- gossipd

def check_views():
    page, schema = read("man/gossipd.8"), read("src/db/tables.h")
    lists = re.findall(r"^\.Li (v_\w+) ,.*?^\.Bl.*?\n(.*?)^\.El", section(page, "Views"), re.M | re.S)
    views = dict(re.findall(r"CREATE VIEW (v_\w+) AS\s+SELECT(.*?)\n\s+FROM", schema, re.S))
    yield from differ("gossipd.8, views", (name for name, _ in lists), views)
    for name, text in lists:
        columns = [c for item in re.findall(r"^\.It (.*)$", text, re.M) for c in item.split(" , ")]
        yield from differ("gossipd.8, " + name, columns, re.findall(r"\bAS (\w+)(?=,|$)", views.get(name, ""), re.M))
    if "0x%x" % int(re.search(r"kApplicationId = (0x[0-9a-f]+)", read("src/db/schema.h")).group(1), 16) not in page:
        yield "gossipd.8: the application id is another one"


def check_daemon():
    page = read("man/gossipd.8")
    paths = sorted(glob.glob(os.path.join(HOME, "src/gossipd/*")))
    source = "".join(read(p) for p in paths)
    short = re.search(r'getopt(?:_long)?\([^"]*"[:+]*([a-zA-Z:]+)"', source) or re.search(r'kShort\w*\[?\]? = "[:+]*([a-zA-Z:]+)"', source)
    if not short:
        return
    documented = re.findall(r"^\.It Fl (-?[\w-]+)", section(page, "DESCRIPTION"), re.M)
    long_names = set(re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', source))
    aliases = {"help", "version", "check", "quiet", "verbose"}
    yield from differ("gossipd.8, options", documented, set(short.group(1).replace(":", "")) | {"-" + n for n in long_names - aliases})
    codes = next((v for p in paths for v in [enum_values(p, "Exit")] if v), None)
    if codes:
        yield from differ("gossipd.8, exit status", exit_codes(page), codes)


# --- README.md

def check_readme():
    text = read("README.md")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    if not blocks or len(blocks[0].splitlines()) != 2 or not blocks[0].splitlines()[1].startswith("make "):
        yield "README.md: the first sh block is not the two commands"
    for target in re.findall(r"\]\(([^):#]+)\)", text):
        if not os.path.exists(os.path.join(HOME, target)):
            yield "README.md: there is no %s" % target


# --- the attack list

ATTACKS = ["%02d" % n for n in range(1, 36)]


def attack_tests():
    """(number, test): a suite or a test whose name has TA and the number; a make target whose help says T-A and the number."""
    found = set()
    for path in glob.glob(os.path.join(HOME, "tests/unit/*/*.cc")):
        for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", read(path), re.M):
            for number in re.findall(r"(?<![A-Z])TA(\d\d)(?!\d)", suite):
                found.add((number, suite))
            for number in re.findall(r"(?<![A-Z])TA(\d\d)(?!\d)", name):
                found.add((number, suite + "." + name))
    for path in glob.glob(os.path.join(HOME, "tests/e2e/test_*.py")):
        for name in re.findall(r"^    def (test_\w+)\(", read(path), re.M):
            for number in re.findall(r"_ta(\d\d)(?!\d)", name):
                found.add((number, os.path.basename(path) + "." + name))
    tests = {number for number, _ in found}
    for target, text in re.findall(r"^([\w-]+):.*?## (.*)$", read("Makefile"), re.M):
        found |= {("%02d" % int(n), "make " + target) for n in re.findall(r"T-A(\d+)", text) if "%02d" % int(n) not in tests}
    return found


def check_attacks():
    found = attack_tests()
    for number in sorted(set(ATTACKS) | {n for n, _ in found}):
        names = sorted(test for n, test in found if n == number)
        if number not in ATTACKS:
            yield "%s: there is no T-A%s" % (names[0], number)
        elif len(names) != 1:
            yield "T-A%s is named by %s" % (number, " and by ".join(names) or "no test")


CHECKS = (mandoc, references, check_vectors, check_derived, check_invitation, check_limits, check_counters, check_escapes, check_environment, check_defaults, check_client, check_tested, check_json, check_reasons, check_views,
          check_daemon, check_readme, check_attacks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="not needed; taken so that all lints are called alike")
    parser.parse_args()
    faults = [fault for check in CHECKS for fault in check()]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
