#!/bin/sh
# A command worker: its arguments are --queue=, --body= and --metadata=, and exit code 0 means done.
for word in "$@"; do
  case $word in
    --body=*) body=${word#--body=} ;;
  esac
done
echo "sent $body" >>"${MAIL_LOG:-mail.log}"
