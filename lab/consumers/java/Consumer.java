import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import software.amazon.awssdk.services.sts.StsClient;

/** The AWS SDK for Java as a program uses it: one client, one GetCallerIdentity for each line of standard input. */
public final class Consumer {
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        try (StsClient sts = StsClient.create()) {
            System.out.println("ready");
            while (lines.readLine() != null) {
                try {
                    System.out.println("ok " + sts.getCallerIdentity().arn());
                } catch (RuntimeException error) {
                    System.out.println("error " + error.toString().replace('\n', ' '));
                }
            }
        }
    }
}
