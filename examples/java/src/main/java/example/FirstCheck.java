package example;

import com.portcullis.decision.v1.CheckRequest;
import com.portcullis.decision.v1.DecisionGrpc;
import com.portcullis.events.v1.ObjectRef;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.TimeUnit;

/** May the demo's reader read that experiment? Whatever goes wrong, the answer is no. */
public final class FirstCheck {
  public static void main(String[] arguments) {
    var token = new Metadata();
    token.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + System.getenv("PORTCULLIS_SERVICE_TOKEN"));
    // Beyond this machine: TlsChannelCredentials, or the token could be read on the way.
    ManagedChannel channel =
        Grpc.newChannelBuilder(
                System.getenv("PORTCULLIS_DECISION_ADDRESS"), InsecureChannelCredentials.create())
            .build();
    var question =
        CheckRequest.newBuilder()
            .setOrgId(System.getenv("PORTCULLIS_ORG_ID"))
            .setPrincipalId(System.getenv("PORTCULLIS_DEMO_READER_ID"))
            .setPermission("read")
            .setObject(
                ObjectRef.newBuilder()
                    .setType("experiment")
                    .setId(System.getenv("PORTCULLIS_DEMO_EXPERIMENT_ID")))
            .build();
    try {
      var answer =
          DecisionGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(token))
              .withDeadlineAfter(5, TimeUnit.SECONDS)
              .check(question);
      System.out.println(answer.getAllowed() ? "allowed" : "denied");
    } catch (StatusRuntimeException error) {
      System.out.println("denied, because " + error.getMessage());
    } finally {
      channel.shutdownNow();
    }
  }
}
