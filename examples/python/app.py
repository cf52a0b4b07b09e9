"""Reads an object of S3 every minute. AWS_CONFIG_FILE names the file `config` of the mounted Secret."""
import os
import time

import boto3

s3 = boto3.client("s3")
while True:
    body = s3.get_object(Bucket=os.environ["BUCKET"], Key=os.environ["KEY"])["Body"].read()
    print(f"read {len(body)} bytes", flush=True)
    time.sleep(60)
