"""`python -m bench.budget`: compare the figures with those that were accepted; `accept` takes those of now."""

from __future__ import annotations

import sys

from bench.budget import accepted


def main() -> None:
    if sys.argv[1:] == ["accept"]:
        accepted.accept()
        print(f"Written to {accepted.FILE.name}: commit it with the change that it comes from, and say why there.")
        return
    budget, now = accepted.read(), accepted.measured()
    for sentence in accepted.below(budget, now):
        print(f"better: {sentence}")
    if faults := accepted.over(budget, now):
        sys.exit("\n".join([*faults, "If that is meant: python -m bench.budget accept"]))


if __name__ == "__main__":
    main()
