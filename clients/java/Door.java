/* A rental firm's door: a user_id a line on standard input, and for each whether the car goes out without a deposit.

   java -cp 'kafka-clients.jar:jackson-databind.jar:...' Door kafka:9092 < arrivals.txt

Written from docs/asyncapi.json alone. What is known is in memory: the topic is read from its beginning at each start. */

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Door {
    static final String TOPIC = "tiers.changed", TYPE = "goodstanding.tier.changed.v1";
    static final String BENEFIT = "car-rental-no-deposit";
    static final ObjectMapper JSON = new ObjectMapper();

    final Map<String, JsonNode> newest = new HashMap<>();

    public static void main(String[] arguments) throws IOException {
        var settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("isolation.level", "read_committed");
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<byte[], byte[]>(settings, bytes, bytes)) {
            List<TopicPartition> partitions = consumer.partitionsFor(TOPIC).stream()
                    .map(each -> new TopicPartition(TOPIC, each.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var door = new Door();
            var arrivals = new BufferedReader(new InputStreamReader(System.in));
            for (String user; (user = arrivals.readLine()) != null; ) {
                door.catchUp(consumer);
                System.out.println(door.answer(user.strip()));
            }
        }
    }

    /* Everything that was published before this call. Compaction and transactions leave gaps: positions are compared. */
    void catchUp(KafkaConsumer<byte[], byte[]> consumer) {
        var ends = consumer.endOffsets(consumer.assignment());
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue()))
            for (var record : consumer.poll(Duration.ofMillis(200))) take(record);
    }

    void take(ConsumerRecord<byte[], byte[]> record) {
        String user = record.key() == null ? "" : new String(record.key());
        if (!user.matches("[0-9a-f]{64}")) return;
        if (record.value() == null) {
            newest.remove(user); // erased
            return;
        }
        Header type = record.headers().lastHeader("ce_type");
        if (type == null || !TYPE.equals(new String(type.value()))) return;
        JsonNode body;
        try {
            body = JSON.readTree(record.value());
            if (!body.path("version").isIntegralNumber()) return;
        } catch (IOException notOurs) {
            return;
        }
        JsonNode known = newest.get(user);
        // A lower version is a repetition, unless it is for a later instant: then the person was erased and is back.
        if (known == null || body.get("version").asLong() > known.get("version").asLong()
                || asOf(body).isAfter(asOf(known))) newest.put(user, body);
    }

    String answer(String user) {
        JsonNode body = newest.get(user);
        if (body == null || !has(body.path("in_force"))) return "deposit";
        if (has(body.path("ending"))) return "no deposit until " + body.get("falls_at").asText();
        return "no deposit";
    }

    static boolean has(JsonNode benefits) {
        for (JsonNode each : benefits) if (each.asText().equals(BENEFIT)) return true;
        return false;
    }

    static Instant asOf(JsonNode body) {
        return Instant.parse(body.path("as_of").asText());
    }
}
