"""count.py FOLDER: a loop worker that stays; it is told each round on descriptor 3 and answers on 4."""
import json
import os
import sys

rounds, answers = os.fdopen(3), os.fdopen(4, "w", buffering=1)
counted = 0
for line in rounds:
    said = json.loads(line)
    answer = {"id": said["id"], "ok": True}
    if said["body"].get("command") == "count":
        answer["result"] = counted
    else:
        counted = len(os.listdir(sys.argv[1]))
    answers.write(json.dumps(answer) + "\n")
