"""A program that knows nothing of Kubernetes or of renewal: one session and one client each, for as long as it runs.

Reads an object of S3 again and again, and prints what came of it: a JSON object a line.
"""
import itertools
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

bucket, key = sys.argv[1].split("/", 1)
session = boto3.Session()
sts = session.client("sts")
# The emulator has one host name for all buckets.
s3 = session.client("s3", config=Config(s3={"addressing_style": "path"}))

signed_with = ""


def remember(request, **_):
    """What counts is what was sent, not what the session holds."""
    global signed_with
    scope = request.headers["Authorization"].decode().split("Credential=", 1)[1]
    signed_with = scope.split("/", 1)[0]


s3.meta.events.register("before-send", remember)


def outcome(call):
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return str(error)


for number in itertools.count():
    caller = outcome(lambda: sts.get_caller_identity()["Arn"])
    read = outcome(lambda: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    print(json.dumps({"number": number, "caller": caller, "read": read, "key": signed_with}), flush=True)
    time.sleep(1)
