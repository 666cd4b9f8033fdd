"""`python -m bench.chaos`: a checked history of random operations; `… table`: one fault a line."""

import os
import sys

from bench.chaos import benchmark, run

if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if sys.argv[1:2] == ["table"]:
        benchmark.main(sys.argv[2:])
    else:
        sys.exit(run.main())
