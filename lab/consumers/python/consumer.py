"""The AWS SDK for Python as a program uses it: one client, one GetCallerIdentity for each line of standard input."""
import sys

import boto3

print("ready", flush=True)
sts = None
for _ in sys.stdin:
    try:
        # boto3 looks for credentials when a client is made, so the first one is made when the first call is wanted.
        sts = sts or boto3.client("sts")
        print("ok", sts.get_caller_identity()["Arn"], flush=True)
    except Exception as error:  # whatever it is, the test has to see it
        print("error", repr(error), flush=True)
