"""What one core does without any network: handshakes, and the simulator."""
import os
import re
import subprocess

from live import columns
from table import Row


def handshakes(args, rows):
    friends, alone, strangers = [], [], []
    for _ in range(args.runs):
        (a,), (b,), (c,) = columns([os.path.join(args.build, "bench-handshakes"), "1"])
        friends.append(a)
        alone.append(b)
        strangers.append(c)
    rows.append(Row("friend handshakes, both sides, RSA 3072", "/s of a core", friends, alone, ("ratio", ">=", 0.8, 0.9),
                    "beside: their two RSA private operations alone"))
    rows.append(Row("strangers answered", "/s of a core", strangers, (), ("value", ">=", 2500, None), "a daemon lets in 500/s"))


def simulator(args, rows):
    seconds = []
    for _ in range(max(1, args.runs // 2)):
        out = subprocess.run([os.path.join(args.build, "sim"), "-s", "1", "-n", str(args.nodes), "S1"], check=True,
                             stdout=subprocess.PIPE, universal_newlines=True).stdout
        seconds.append(float(re.search(r"([\d.]+) s, [\d.]+ s of CPU", out).group(1)))
    rows.append(Row("simulator, S1 with {:,} nodes".format(args.nodes), "s", seconds))
