#!/bin/sh
# What it prints is the result that `coworker process` shows.
echo "a report: $*"
