#!/usr/bin/env python3
"""A pipe worker in Python: counts the letters of a text. See docs/workers.md."""

import json
import os

jobs = os.fdopen(3, encoding="utf-8")
answers = os.fdopen(4, "w", buffering=1, encoding="utf-8")


def answer(job, **members):
    answers.write(json.dumps({"id": job["id"], **members}) + "\n")


for count, line in enumerate(jobs, 1):
    job = json.loads(line)
    print(f"job {count} of this process", flush=True)  # a line of the job's log
    answer(job, progress=0.5, text="counting")
    if isinstance(job["body"], str):
        answer(job, ok=True, result=f"{len(job['body'])} letters")
    else:
        answer(job, ok=False, error="the body is no text")
