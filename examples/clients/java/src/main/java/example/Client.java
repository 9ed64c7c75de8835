package example;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Path;

/**
 * foliot from Java: a verb a class, and {@link Calls} for what all of them need.
 *
 * <pre>
 *   deploy &lt;file>              make a definition of a file, and activate it
 *   start &lt;request> &lt;parcel>  start an instance
 *   watch &lt;instance>           print its history, to its end
 *   approve &lt;instance>         complete what a person is asked to do
 *   work                      carry out tasks, until told to stop
 * </pre>
 *
 * ADDRESS says where foliot is. KEY is a key of a tenant, for work one of an executor.
 */
public final class Client {
  private Client() {}

  public static void main(String[] args) throws Exception {
    ManagedChannel channel =
        // With TLS: TlsChannelCredentials.create().
        Grpc.newChannelBuilder(System.getenv("ADDRESS"), InsecureChannelCredentials.create())
            .intercept(MetadataUtils.newAttachHeadersInterceptor(bearer(System.getenv("KEY"))))
            .build();
    try {
      switch (args.length > 0 ? args[0] : "") {
        case "deploy" -> Deploy.deploy(channel, Path.of(args[1]));
        case "start" -> Start.start(channel, args[1], args[2]);
        case "watch" -> Watch.watch(channel, args[1]);
        case "approve" -> Approve.approve(channel, args[1]);
        case "work" -> Worker.work(channel);
        default ->
            throw new IllegalArgumentException(
                "say one of: deploy, start, watch, approve, work");
      }
    } catch (StatusRuntimeException error) {
      System.err.println(Calls.explain(error));
      System.exit(1);
    } catch (IllegalArgumentException | IllegalStateException error) {
      System.err.println(error.getMessage());
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }

  private static Metadata bearer(String key) {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
    return headers;
  }
}
