// The AWS SDK for JavaScript as a program uses it: one client, one GetCallerIdentity for each line of standard input.
import { createInterface } from "node:readline";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const sts = new STSClient();
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  try {
    const caller = await sts.send(new GetCallerIdentityCommand());
    console.log(`ok ${caller.Arn}`);
  } catch (error) {
    console.log(`error ${String(error).replaceAll("\n", " ")}`);
  }
}
