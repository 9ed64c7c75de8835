package example;

import foliot.v1.ActivateDefinitionRequest;
import foliot.v1.CreateDefinitionRequest;
import foliot.v1.Definition;
import foliot.v1.DefinitionServiceGrpc;
import foliot.v1.Json;
import io.grpc.Channel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

final class Deploy {
  private Deploy() {}

  /** Makes a definition of a file, under the key that the file is named after; activates it. */
  static void deploy(Channel channel, Path path)
      throws IOException, InterruptedException, NoSuchAlgorithmException {
    var definitions = DefinitionServiceGrpc.newBlockingStub(channel);
    byte[] spec = Files.readAllBytes(path);
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(spec);
    var create =
        CreateDefinitionRequest.newBuilder()
            .setKey(path.getFileName().toString().replaceFirst("\\.json$", ""))
            .setSpec(Json.newBuilder().setJson(Files.readString(path)))
            // It follows from what is asked for, so that to deploy the same file twice makes one
            // version.
            .setRequestId("deploy-" + HexFormat.of().formatHex(digest))
            .build();
    Definition created =
        Calls.repeating(
            () ->
                definitions
                    .withDeadlineAfter(Calls.TIMEOUT)
                    .createDefinition(create)
                    .getDefinition());
    var activate =
        ActivateDefinitionRequest.newBuilder().setDefinitionId(created.getDefinitionId()).build();
    Definition active =
        Calls.repeating(
            () ->
                definitions
                    .withDeadlineAfter(Calls.TIMEOUT)
                    .activateDefinition(activate)
                    .getDefinition());
    System.out.printf("definition %s version %d is active%n", active.getKey(), active.getVersion());
  }
}
