#!/usr/bin/env python3
"""What strangers could learn from the time things take, measured at length; prints the figures.

    python3 tests/attack/timing.py --build build [--samples 100000] [--rate 10000] [--only oaep answers calls closing flood]

oaep     T-A23: RSA private operations of good and of bad ciphertexts
answers  T-A26: answering friends, replays of friends, and strangers, in one process
calls    the same through a live daemon on loopback, a tenth as many samples
closing  T-A14: when a live daemon ends callers, by what they sent
flood    T-A22: so many forged M1 a second for a minute; friends' handshakes and the listener's processor time meanwhile

Exit 1 when two classes are told apart (|t| of Welch 4.5 or more over the lower 90 % of the samples; p of Kolmogorov-Smirnov below
0.01 shared out over the classes), or when a friend has to wait.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
PARTS = ("oaep", "answers", "calls", "closing", "flood")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--samples", type=int, default=100000, help="of each class")
    parser.add_argument("--rate", type=int, default=10000, help="forged M1 a second")
    parser.add_argument("--seconds", type=int, default=60, help="of the flood")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    os.environ["GOSSIP_BUILD"] = os.path.abspath(args.build)
    import attack  # it looks at GOSSIP_BUILD

    parts = {
        "oaep": lambda: attack.in_process("oaep", args.samples),
        "answers": lambda: attack.in_process("answers", args.samples),
        "calls": lambda: attack.with_daemon(lambda node: attack.calls(node, max(100, args.samples // 10))),
        "closing": lambda: attack.with_daemon(lambda node: attack.closing(node, 90)),
        "flood": lambda: attack.with_daemon(lambda node: attack.flood(node, args.rate, args.seconds)),
    }
    bad = []
    for name in args.only:
        fine, text = parts[name]()
        print(text.rstrip(), flush=True)
        if not fine:
            bad.append(name)
    print("timing: " + ("found: " + ", ".join(bad) if bad else "nothing to be learnt"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
