// Reads an object of S3 every minute. AWS_CONFIG_FILE names the file `config` of the mounted Secret.
import { setTimeout } from "node:timers/promises";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client();
while (true) {
  const object = await s3.send(new GetObjectCommand({ Bucket: process.env.BUCKET, Key: process.env.KEY }));
  const body = await object.Body.transformToByteArray();
  console.log(`read ${body.length} bytes`);
  await setTimeout(60_000);
}
