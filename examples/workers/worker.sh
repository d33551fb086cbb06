#!/bin/sh
# A pipe worker in sh: counts the letters of a text. Jobs come on descriptor 3, answers go to 4; see docs/workers.md.
# Without a JSON parser it takes ids and texts with no quote in them, which ids never have.
count=0
while read -r job <&3; do
  id=${job#*'"id":"'}
  id=${id%%'"'*}
  text=${job#*'"body":"'}
  text=${text%%'"'*}
  count=$((count + 1))
  echo "job $count of this process" # a line of the job's log
  printf '{"id":"%s","progress":0.5,"text":"counting"}\n' "$id" >&4
  case $job in
    *'"body":"'*)
      printf '{"id":"%s","ok":true,"result":"%s letters"}\n' "$id" "${#text}" >&4 ;;
    *)
      printf '{"id":"%s","ok":false,"error":"the body is no text"}\n' "$id" >&4 ;;
  esac
done
