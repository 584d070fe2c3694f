"""Found by the interpreter of a service process whose environment names this directory; breaks it, as asked."""

import os
import traceback

if os.environ.get("GOODSTANDING_TEST_GATE") or os.environ.get("GOODSTANDING_TEST_MUTANT"):
    try:
        from tests.faults.mutants import install

        install(os.environ.get("GOODSTANDING_TEST_GATE", ""), os.environ.get("GOODSTANDING_TEST_MUTANT", ""))
    except BaseException:  # noqa: BLE001  # whatever it is
        # The interpreter would only print it and go on with a service that is not broken.
        traceback.print_exc()
        os._exit(70)
