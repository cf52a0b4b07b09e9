#!/usr/bin/env bash
# The AWS CLI as a script uses it: a new process with GetCallerIdentity for each line of standard input. The first
# argument is the CLI.
set -euo pipefail

echo ready
while read -r; do
  if printed=$("$1" sts get-caller-identity --query Arn --output text 2>&1); then
    echo "ok $printed"
  else
    echo "error ${printed//$'\n'/ }"
  fi
done
