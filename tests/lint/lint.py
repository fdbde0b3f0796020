#!/usr/bin/env python3
"""The rules of the house, checked: floors by includes, purity of the core, sizes, words that must not stand.

    python3 tests/lint/lint.py --build build [--root DIR]

Prints one line per fault and ends with 1 when there was any. First it breaks every rule in a folder of its own and sees that
each is noticed. tests/lint/papers.py, the check of the man pages, is run when it is there.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

# --- floors: folder of src -> folders it may include besides itself and include/gossip
FLOORS = {
    "core": set(),
    "sys": set(),
    "crypto": {"core"},
    "db": {"core"},
    "config": {"core", "sys"},
    "gossipd": {"core", "sys", "crypto", "db", "config"},
    "gossipc": {"core", "sys", "crypto", "db", "config"},
}
LIBRARIES = {"openssl/": "crypto", "sqlite3.h": "db"}  # header (or its folder) -> the only floor that may have it

# --- the pure core: what it may include, and what it may ask the linker for
PURE_HEADERS = set("""algorithm any array atomic bit bitset cctype charconv compare concepts cstddef cstdint cstdlib cstring deque
exception functional initializer_list iterator limits list map memory new numeric optional queue set span stdexcept string
string_view tuple type_traits typeinfo utility variant vector""".split())
PURE_SYMBOLS = re.compile(r"""^(?:
    mem(?:cpy|move|set|cmp|chr) | __mem(?:cpy|move|set)_chk | strlen | bcmp | explicit_bzero | abort
  | _GLOBAL_OFFSET_TABLE_ | __stack_chk_fail | __dso_handle | __libc_single_threaded
  | __cxa_\w+ | __gxx_personality_v0 | _Unwind_Resume
  | operator\ (?:new|delete)(?:\[\])?\(.*
  | (?:vtable|typeinfo|typeinfo\ name|VTT)\ for\ (?:__cxxabiv1::\w+
      | std::(?:exception|bad_\w+|logic_error|runtime_error|length_error|out_of_range|_Sp_\w+.*))
  | std::(?:__cxx11::)?basic_string<char,.*
  | std::__throw_\w+\(.* | std::terminate\(\)
  | std::(?:exception|bad_\w+|logic_error|runtime_error|length_error|out_of_range)::.*
  | std::_Rb_tree_\w+\(.* | std::__detail::_List_node_base::.* | std::__detail::_Prime_rehash_policy::.* | std::_Hash_bytes\(.*
  | std::_Sp_make_shared_tag::.* | std::nothrow
  | __(?:asan|ubsan|sanitizer|odr_asan|sancov|gcov|llvm)_\w+ | __asan.*
)$""", re.X)

MAX_FILE, MAX_FUNCTION, MAX_LINE = 450, 80, 160  # lines, lines, columns; the aim is 400, 70 and 130

SLEEP = re.compile(r"\b(?:u|nano)?sleep\s*\(|\bsleep_(?:for|until)\b|^\s*sleep\s+[\d$.]", re.M)
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
SQL = re.compile(r"\b(?:SELECT\s+[\w*(]|INSERT\s+(?:OR\s+\w+\s+)?INTO\b|DELETE\s+FROM\b|UPDATE\s+\w+\s+SET\b"
                 r"|CREATE\s+(?:TABLE|INDEX|VIEW)\b|PRAGMA\s+\w+|BEGIN\s+(?:IMMEDIATE|EXCLUSIVE)\b)")
COMMENT_OR_QUOTED = re.compile(r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\""
                               r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def without_comments(text, strings=True):
    """Comments (and, where asked, what stands in quotes) blanked out; line numbers stay."""
    def blank(match):
        word = match.group(0)
        if word[0] == "/":
            return re.sub(r"[^\n]", " ", word)
        if word.startswith('R"'):
            return '""' + re.sub(r"[^\n]", "", word) if strings else word
        return (word[0] + word[0] if word[0] == '"' else "0") if strings else word
    return COMMENT_OR_QUOTED.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


class Lint:
    def __init__(self, root, build):
        self.root, self.build, self.faults = root, build, []

    def fault(self, path, line, what):
        self.faults.append("%s:%d: %s" % (os.path.relpath(path, self.root), line, what))

    def files(self, *patterns):
        found = []
        for pattern in patterns:
            found += glob.glob(os.path.join(self.root, pattern), recursive=True)
        return sorted(f for f in found if os.path.isfile(f))

    def all(self):
        self.includes()
        self.sql()
        self.sizes()
        self.words()
        self.purity()
        return self.faults

    # --- floors
    def floor_of(self, path):
        parts = os.path.relpath(path, self.root).split(os.sep)
        if parts[0] == "include":
            return "core"
        return parts[1] if len(parts) > 2 else None

    def includes(self):
        for path in self.files("src/**/*.cc", "src/**/*.h", "include/**/*.h"):
            floor, text = self.floor_of(path), without_comments(read(path), strings=False)
            if floor not in FLOORS:
                self.fault(path, 1, "lies on no known floor")
                continue
            for match in INCLUDE.finditer(text):
                problem = self.include_fault(path, floor, match.group(1), match.group(2))
                if problem:
                    self.fault(path, line_of(text, match.start()), problem)

    def include_fault(self, path, floor, bracket, header):
        for library, owner in LIBRARIES.items():
            if header == library or (library.endswith("/") and header.startswith(library)):
                return None if floor == owner else "only src/%s includes <%s>" % (owner, header)
        if bracket == "<":
            pure = floor != "core" or header in PURE_HEADERS
            return None if pure else "the core is pure: <%s> is not for it" % header
        first = header.split("/")[0]
        if first == "gossip":
            return "src/sys knows nothing of gossip: \"%s\"" % header if floor == "sys" else None
        if "/" not in header or first == "..":
            return "\"%s\": say the folder, from src or include" % header
        if first == floor or first in FLOORS[floor]:
            return None
        return "the floor %s must not include \"%s\"" % (floor, header)

    # --- SQL in src/db only
    def sql(self):
        for path in self.files("src/**/*.cc", "src/**/*.h", "include/**/*.h"):
            if self.floor_of(path) == "db":
                continue
            text = without_comments(read(path), strings=False)
            for match in SQL.finditer(text):
                self.fault(path, line_of(text, match.start()), "SQL outside src/db: %s" % match.group(0))

    # --- sizes
    def sizes(self):
        for path in self.files("src/**/*.cc", "src/**/*.h", "include/**/*.h", "tests/**/*.cc", "tests/**/*.h"):
            text = read(path)
            lines = text.count("\n")
            product = not os.path.relpath(path, self.root).startswith("tests")
            if product and lines > MAX_FILE:
                self.fault(path, lines, "%d lines; no file over %d" % (lines, MAX_FILE))
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > MAX_LINE:
                    self.fault(path, number, "a line of %d columns; none over %d" % (len(line), MAX_LINE))
            for line, length in functions(text):
                if length > MAX_FUNCTION:
                    self.fault(path, line, "a function of %d lines; none over %d" % (length, MAX_FUNCTION))

    # --- words
    def words(self):
        mine = os.path.abspath(__file__)
        for path in self.files("src/**/*", "include/**/*", "tests/**/*", "man/*", "Makefile", "README.md", ".ci/*"):
            if "corpus" in path.split(os.sep) or "__pycache__" in path:
                continue
            text = read(path)
            for match in UNFINISHED.finditer(text):
                self.fault(path, line_of(text, match.start()), "unfinished: %s" % match.group(0))
            if os.path.relpath(path, self.root).startswith("tests") and os.path.abspath(path) != mine:
                for match in SLEEP.finditer(without_comments(text) if path.endswith((".cc", ".h")) else text):
                    self.fault(path, line_of(text, match.start()), "a sleep in a test: wait for the event, with a deadline")

    # --- what the core asks the linker for
    def purity(self):
        objects = sorted(glob.glob(os.path.join(self.build, "src/core/*.o")))
        sources = {os.path.splitext(os.path.basename(p))[0] for p in self.files("src/core/*.cc")}
        objects = [o for o in objects if os.path.splitext(os.path.basename(o))[0] in sources]  # not those of deleted sources
        if not objects:
            if sources:
                self.fault(os.path.join(self.root, "src/core"), 1, "no objects of the core in %s to look at" % self.build)
            return
        defined, asked = set(), {}
        for path in objects:
            for name, kind in symbols(path):
                if kind in "Uw":
                    asked.setdefault(name, path)
                else:
                    defined.add(name)
        for name in sorted(asked):
            if name not in defined and not PURE_SYMBOLS.match(name):
                path = os.path.relpath(asked[name], self.root)
                self.faults.append("%s: the core is pure, but asks the linker for %s" % (path, name))


def symbols(path):
    out = subprocess.run(["nm", "-C", "-P", path], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
    for line in out.splitlines():
        match = re.match(r"(.*?) ([A-Za-z])(?: [0-9a-f]+){0,2}\s*$", line)
        if match:
            yield match.group(1).strip(), match.group(2)


def functions(text):
    """(line, lines) of each outermost function body, by matching braces: crude, and enough."""
    directive = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
    text = directive.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), without_comments(text))
    stack, head, start = [], "", 0
    for at, c in enumerate(text):
        inside = any(kind == "function" for kind, _ in stack)
        if c == "{":
            kind = "inner"
            if not inside:
                kind = brace_kind(head)
                start = at - len(head.lstrip())
            stack.append((kind, start))
            head = head if kind == "function" else ""
        elif c == "}" and stack:
            kind, begin = stack.pop()
            if kind == "function":
                first, last = line_of(text, begin), line_of(text, at)
                yield first, last - first + 1
                rest = text[at + 1:at + 200].lstrip()
                head = head if rest[:1] in (",", "{") else ""  # the end of one member's initializer
            elif kind != "inner":
                head = ""
        elif c == ";" and not inside:
            head = ""
        elif not inside:
            head += c


def brace_kind(head):
    if re.search(r"\b(?:namespace|extern)\b[^()]*$", head):
        return "scope"
    if re.match(r"\s*(?:template\s*<[^{}]*>\s*)?(?:enum\s+)?(?:class|struct|enum|union)\b(?![^()]*\))", head):
        return "scope"
    return "function" if "(" in head else "inner"


# --- the lint must notice: one bad file for each rule
BAD = {
    "src/core/a.cc": ("#include <chrono>\n", "the core is pure"),
    "src/core/b.cc": ("#include <sys/socket.h>\n", "the core is pure"),
    "src/core/c.cc": ('#include "sys/fd.h"\n', "must not include"),
    "src/sys/a.cc": ('#include "gossip/bytes.h"\n', "knows nothing of gossip"),
    "src/crypto/a.cc": ('#include "db/sqlite.h"\n', "must not include"),
    "src/db/a.cc": ("#include <openssl/evp.h>\n", "only src/crypto"),
    "src/db/b.cc": ('#include "sys/fd.h"\n', "must not include"),
    "src/gossipd/a.cc": ("#include <sqlite3.h>\n", "only src/db"),
    "src/gossipc/a.cc": ('const char* q = "SELECT * FROM log";\n', "SQL outside"),
    "src/attic/a.cc": ("int x;\n", "no known floor"),
    "src/db/long.cc": ("int x;\n" * (MAX_FILE + 1), "no file over"),
    "src/db/wide.cc": ("int " + "x" * MAX_LINE + ";\n", "a line of"),
    "src/db/fun.cc": ("namespace n {\nvoid f() {\n" + "  g();\n" * MAX_FUNCTION + "}\n}\n", "a function of"),
    "src/db/ctor.cc": ("struct A { A() : x_{1}, y_{2} {\n" + "  g();\n" * MAX_FUNCTION + "}\n};\n", "a function of"),
    "tests/e2e/a.py": ("import time\ntime.sl" "eep(1)\n", "a sleep in a test"),
    "tests/unit/core/a.cc": ("void f() { std::this_thread::sl" "eep_for(x); }\n", "a sleep in a test"),
    "src/db/todo.cc": ("// TO" "DO: later\n", "unfinished"),
}
GOOD = {
    "src/core/ok.cc": '#include "gossip/bytes.h"\n#include <vector>\n// SELECT me, in a comment\nint f() { return 1; }\n',
    "src/config/ok.cc": '#include "sys/file.h"\n#include "config/config.h"\nconst char* a = "a \\"quoted\\" // text";\n',
    "src/db/ok.cc": '#include <sqlite3.h>\nconst char* q = "SELECT * FROM log";\n',
    "src/gossipd/ok.cc": '#include "db/sqlite.h"\n#include "sys/fd.h"\n#include "crypto/keys.h"\n',
}
IMPURE = """#include <ctime>
#include <cstdlib>
namespace gossip { long now() { return static_cast<long>(std::time(nullptr)) + std::rand(); } }
"""


def put(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)


def self_test():
    """Complaints about the lint itself: rules it did not notice being broken, or saw broken where they were kept."""
    complaints = []
    root = tempfile.mkdtemp(prefix="gossip-lint-")
    try:
        for path, text in GOOD.items():
            put(root, path, text)
        kept = [f for f in Lint(root, root).all() if "no objects" not in f]
        complaints += ["self-test: wrongly reported: " + f for f in kept]
        for path, (text, expected) in BAD.items():
            put(root, path, text)
            faults = Lint(root, root).all()
            if not any(f.startswith(path) and expected in f for f in faults):
                complaints.append("self-test: %s was not noticed (%s)" % (path, expected))
            os.unlink(os.path.join(root, path))
        complaints += self_test_symbols(root)
    finally:
        shutil.rmtree(root)
    return complaints


def self_test_symbols(root):
    put(root, "src/core/ok.cc", IMPURE)
    objects = os.path.join(root, "build/src/core")
    os.makedirs(objects)
    compiler = os.environ.get("CXX", "g++").split()
    subprocess.run(compiler + ["-c", "-o", os.path.join(objects, "ok.o"), os.path.join(root, "src/core/ok.cc")], check=True)
    faults = Lint(root, os.path.join(root, "build")).all()
    return ["self-test: a core that asks for %s was not noticed" % name for name in ("time", "rand")
            if not any(f.endswith("asks the linker for " + name) for f in faults)]


def papers(root, build):
    script = os.path.join(root, "tests/lint/papers.py")
    if not os.path.exists(script):
        return []
    done = subprocess.run([sys.executable, script, "--build", build], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    if done.returncode == 0:
        return []
    return done.stdout.rstrip().splitlines() + ["tests/lint/papers.py: exit status %d" % done.returncode]


def main():
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build folder with the core's objects")
    parser.add_argument("--root", default=home, help="the tree to look at")
    args = parser.parse_args()
    root, build = os.path.abspath(args.root), os.path.abspath(args.build)
    faults = self_test() + Lint(root, build).all() + papers(root, build)
    for line in faults:
        print(line)
    print("lint: %s" % ("%d faults" % len(faults) if faults else "no fault"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
