package cairn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.net.URI;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.waiters.WaiterResponse;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.TableStatus;

/**
 * The SDK's own waiters as they are: they ask at once, and then every twenty seconds. So a table that is created or
 * deleted has to be so when they first ask.
 */
class WaitersTest {
    @Test
    void aTableIsThereAndGoneWhenAWaiterFirstAsks() {
        assertFirstAttemptSucceeds(environment("AWS_ENDPOINT_URL_DYNAMODB"), TableStatus.CREATING);
    }

    @Test
    void aServerForDevelopmentAnswersThatATableIsActive() {
        assertFirstAttemptSucceeds(environment("CAIRN_TEST_DEVELOPMENT_ENDPOINT"), TableStatus.ACTIVE);
    }

    private static void assertFirstAttemptSucceeds(String endpoint, TableStatus answered) {
        try (DynamoDbClient client = DynamoDbClient.builder()
                .endpointOverride(URI.create(endpoint))
                .httpClient(UrlConnectionHttpClient.create())
                .build()) {
            String table = "java-" + UUID.randomUUID();
            TableStatus status = client.createTable(request -> request
                            .tableName(table)
                            .billingMode(BillingMode.PAY_PER_REQUEST)
                            .attributeDefinitions(AttributeDefinition.builder()
                                    .attributeName("pk")
                                    .attributeType(ScalarAttributeType.S)
                                    .build())
                            .keySchema(KeySchemaElement.builder()
                                    .attributeName("pk")
                                    .keyType(KeyType.HASH)
                                    .build()))
                    .tableDescription()
                    .tableStatus();
            assertEquals(answered, status);
            WaiterResponse<?> created = client.waiter().waitUntilTableExists(request -> request.tableName(table));
            assertEquals(1, created.attemptsExecuted());
            client.deleteTable(request -> request.tableName(table));
            WaiterResponse<?> deleted =
                    client.waiter().waitUntilTableNotExists(request -> request.tableName(table));
            assertEquals(1, deleted.attemptsExecuted());
        }
    }

    private static String environment(String name) {
        String value = System.getenv(name);
        assertNotNull(value, name + " is not set: this suite runs beside a server, by `make clients`");
        return value;
    }
}
