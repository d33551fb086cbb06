"""A dedicated worker: reads numbers, one a line, and answers with their squares.

The channel is standard input and output, or what COWORKER_IN and COWORKER_OUT name.
"""

import json
import os
import sys

source = open(os.environ["COWORKER_IN"]) if "COWORKER_IN" in os.environ else sys.stdin
target = open(os.environ["COWORKER_OUT"], "w") if "COWORKER_OUT" in os.environ else sys.stdout
for line in source:
    if line.strip():
        print(json.dumps(json.loads(line) ** 2), file=target, flush=True)
