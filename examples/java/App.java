import software.amazon.awssdk.services.s3.S3Client;

/** Reads an object of S3 every minute. AWS_CONFIG_FILE names the file `config` of the mounted Secret. */
public final class App {
    public static void main(String[] arguments) throws InterruptedException {
        String bucket = System.getenv("BUCKET");
        String key = System.getenv("KEY");
        try (S3Client s3 = S3Client.create()) {
            while (true) {
                byte[] body = s3.getObjectAsBytes(request -> request.bucket(bucket).key(key)).asByteArray();
                System.out.println("read " + body.length + " bytes");
                Thread.sleep(60_000);
            }
        }
    }
}
