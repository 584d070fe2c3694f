// The work on Kafka Streams: the Processor API with one state store in RocksDB, exactly once.
//
// Arguments: bootstrap servers, application id, source topic, target topic, commit interval in ms, threads, state directory.

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public final class KafkaStreamsFold {
    static final int SEEN_MAX = 32;
    static final String STORE = "person";
    static final Set<String> KINDS = Set.of("card.payment", "credit.payment", "electricity.bill", "hotel.stay");

    // Nothing is converted in silence: "3" is no number, and 3.5 no whole one.
    static final JsonMapper MAPPER = JsonMapper.builder()
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
        .build();
    static final ObjectReader EVENTS = MAPPER.readerFor(Event.class);
    static final ObjectWriter CHANGES = MAPPER.writerFor(Change.class);

    public record Event(
        @JsonProperty(value = "id", required = true) String id,
        @JsonProperty(value = "person", required = true) String person,
        @JsonProperty(value = "kind", required = true) String kind,
        @JsonProperty(value = "amount", required = true) long amount,
        @JsonProperty(value = "days_late", required = true) int daysLate,
        @JsonProperty(value = "at", required = true) long at,
        @JsonProperty(value = "partner", required = true) String partner,
        @JsonProperty(value = "note", required = true) String note) {

        boolean isValid() {
            return isId(id) && isText(person, 32) && KINDS.contains(kind)
                && amount >= 0 && amount <= 1_000_000_000 && daysLate >= 0 && daysLate <= 3_650
                && at > 0 && isText(partner, 40);
        }

        static boolean isText(String text, int max) {
            return !text.isEmpty() && text.length() <= max;
        }

        static boolean isId(String text) {
            if (text.length() != 16) return false;
            for (int n = 0; n < 16; n++) {
                char c = text.charAt(n);
                if (!(c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) return false;
            }
            return true;
        }
    }

    public record Change(String person, String event, long events, long amount, int late, int worst) {}

    // A person's state: four numbers, and the last ids in a ring.
    static final class State {
        long events;
        long amount;
        int late;
        int worst;
        long[] seen = new long[0];

        boolean has(long id) {
            for (long each : seen) if (each == id) return true;
            return false;
        }

        State after(Event event, long id) {
            State next = new State();
            next.events = events + 1;
            next.amount = amount + event.amount();
            next.late = late + (event.daysLate() > 0 ? 1 : 0);
            next.worst = Math.max(worst, event.daysLate());
            int kept = Math.min(seen.length, SEEN_MAX - 1);
            next.seen = new long[kept + 1];
            System.arraycopy(seen, seen.length - kept, next.seen, 0, kept);
            next.seen[kept] = id;
            return next;
        }
    }

    static final Serializer<State> WRITER = (topic, state) -> {
        if (state == null) return null;
        ByteBuffer bytes = ByteBuffer.allocate(24 + 8 * state.seen.length);
        bytes.putLong(state.events).putLong(state.amount).putInt(state.late).putInt(state.worst);
        for (long each : state.seen) bytes.putLong(each);
        return bytes.array();
    };

    static final Deserializer<State> READER = (topic, data) -> {
        if (data == null) return null;
        ByteBuffer bytes = ByteBuffer.wrap(data);
        State state = new State();
        state.events = bytes.getLong();
        state.amount = bytes.getLong();
        state.late = bytes.getInt();
        state.worst = bytes.getInt();
        state.seen = new long[bytes.remaining() / 8];
        for (int n = 0; n < state.seen.length; n++) state.seen[n] = bytes.getLong();
        return state;
    };

    static final class Fold extends ContextualProcessor<String, byte[], String, byte[]> {
        private KeyValueStore<String, State> people;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            super.init(context);
            people = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, byte[]> record) {
            Event event;
            try {
                event = EVENTS.readValue(record.value());
            } catch (IOException error) {
                return;
            }
            if (!event.isValid()) return;
            State before = people.get(event.person());
            if (before == null) before = new State();
            long id = Long.parseUnsignedLong(event.id(), 16);
            if (before.has(id)) return;
            State after = before.after(event, id);
            people.put(event.person(), after);
            try {
                byte[] change = CHANGES.writeValueAsBytes(new Change(
                    event.person(), event.id(), after.events, after.amount, after.late, after.worst));
                context().forward(record.withValue(change));
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] args) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[4]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[5]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[6]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        // Writes to RocksDB and to the changelog happen once for each person and commit.
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 * 1024 * 1024);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
        settings.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO");

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.serdeFrom(WRITER, READER))
            .withCachingEnabled());
        builder.stream(args[2], Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(Fold::new, STORE)
            .to(args[3], Produced.with(Serdes.String(), Serdes.ByteArray()));

        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }
}
