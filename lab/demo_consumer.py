"""A program that knows nothing of Kubernetes: it reads S3 with what AWS_CONFIG_FILE says.

Exits with 0 only if it is who it should be, may read what it should read, and nothing else.
"""
import argparse
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--role", required=True, help="ARN of the role it should be a session of")
    arguments.add_argument("--allowed", required=True, metavar="BUCKET/KEY", help="an object it may read")
    arguments.add_argument("--forbidden", required=True, metavar="BUCKET/KEY", help="an object it may not read")
    expected = arguments.parse_args()

    session = boto3.Session()
    results = [
        caller_is(session, expected.role),
        can_read(session, expected.allowed),
        cannot_read(session, expected.forbidden),
    ]
    return 0 if all(results) else 1


def caller_is(session: boto3.Session, role: str) -> bool:
    caller = session.client("sts").get_caller_identity()["Arn"]
    # arn:aws:iam::<account>:role/<path>/<name> answers as arn:aws:sts::<account>:assumed-role/<name>/<session>
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    return report(caller.startswith(f"arn:aws:sts::{account}:assumed-role/{name}/"), f"GetCallerIdentity says {caller}")


def can_read(session: boto3.Session, target: str) -> bool:
    try:
        body = read(session, target)
    except ClientError as error:
        return report(False, f"GetObject {target} was refused, but should be allowed: {error}")
    return report(True, f"GetObject {target} gives {body!r}")


def cannot_read(session: boto3.Session, target: str) -> bool:
    try:
        read(session, target)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return report(code == "AccessDenied", f"GetObject {target} is refused with {code}")
    return report(False, f"GetObject {target} was allowed, but should be refused")


def read(session: boto3.Session, target: str) -> str:
    bucket, key = target.split("/", 1)
    # The emulator has one host name for all buckets.
    s3 = session.client("s3", config=Config(s3={"addressing_style": "path"}))
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def report(as_expected: bool, what: str) -> bool:
    print(f"    {'ok ' if as_expected else 'BAD'} {what}", flush=True)
    return as_expected


if __name__ == "__main__":
    sys.exit(main())
