// Reads an object of S3 every minute. AWS_CONFIG_FILE names the file `config` of the mounted Secret.
using Amazon.S3;

var bucket = Environment.GetEnvironmentVariable("BUCKET");
var key = Environment.GetEnvironmentVariable("KEY");
using var s3 = new AmazonS3Client();
while (true)
{
    using var response = await s3.GetObjectAsync(bucket, key);
    using var body = new MemoryStream();
    await response.ResponseStream.CopyToAsync(body);
    Console.WriteLine($"read {body.Length} bytes");
    await Task.Delay(TimeSpan.FromMinutes(1));
}
