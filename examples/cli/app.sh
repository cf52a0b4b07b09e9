#!/usr/bin/env bash
# Reads an object of S3 every minute. AWS_CONFIG_FILE names the file `config` of the mounted Secret.
set -euo pipefail

while :; do
  size=$(aws s3 cp --quiet "s3://$BUCKET/$KEY" - | wc -c)
  echo "read $size bytes"
  sleep 60
done
