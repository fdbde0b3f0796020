#!/usr/bin/env python3
"""Freezes the present schema into tests/unit/db/frozen_v1.h: for changes before the first release only.

    python3 tests/support/freeze.py

After a release the frozen text of its version stays for ever, and a change is a new version with a step.
"""
import os
import re

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    with open(os.path.join(HOME, "src/db/tables.h"), encoding="utf-8") as f:
        sql = re.search(r'R"sql\((.*?)\)sql"', f.read(), re.S).group(1)
    path = os.path.join(HOME, "tests/unit/db/frozen_v1.h")
    with open(path, "w", encoding="utf-8") as f:
        f.write("// The schema of version 1, frozen by tests/support/freeze.py: databases of it have to open for ever.\n#pragma once\n\n"
                "namespace gossip::db::test {\n\nconstexpr char kFrozenTables1[] = R\"sql(%s)sql\";\n\n}  // namespace gossip::db::test\n" % sql)


main()
