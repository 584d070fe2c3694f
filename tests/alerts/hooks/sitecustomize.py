"""Found by the interpreter of a service process whose environment names this directory; gives it a fault of ours."""

import os

match os.environ.get("GOODSTANDING_TEST_FAULT"):
    case "holds memory":
        # It is written to, because the system gives memory only then.
        held = b"x" * (500 << 20)
    case "fails on every event":
        from services.ingest.core import normalize

        def judge_time(*_: object) -> None:
            raise ZeroDivisionError

        vars(normalize)["judge_time"] = judge_time
