"""Fills the S3 of the demo: makes each BUCKET/KEY of its arguments, as the owner of the account."""
import sys

import boto3
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
for target in sys.argv[1:]:
    bucket, key = target.split("/", 1)
    region = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
    s3.put_object(Bucket=bucket, Key=key, Body=f"the content of {target}".encode())
