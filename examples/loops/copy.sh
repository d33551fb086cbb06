#!/bin/sh
# copy.sh FROM TO: copies the files that are not there yet, or are older there.
set -eu
mkdir -p "$2"
cp -u "$1"/* "$2"/
