#include "daemon/config/config_schema.h"

#include <algorithm>
#include <array>

namespace remapd::config {
namespace {

#define REMAPD_MEMBER(path)  \
  [](auto& owner) -> auto& { \
    return owner.path;       \
  }

constexpr auto kMaxCount = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

using TableConfig = pipeline::TableConfig;

Section instance_section() {
  return {
      "instance",
      "Who this daemon is.",
      {
          text<Config>({"name", "",
                        "Name under which versions are published; with Kafka also the "
                        "default consumer group."},
                       REMAPD_MEMBER(instance.name)),
          duration<Config>({"stop_timeout", "",
                            "How long a stop waits for a version that is being built or published "
                            "before giving it up; the checkpoint is written in any case."},
                           REMAPD_MEMBER(instance.stop_timeout), 1s, 10min)
              .live(),
      }};
}

Section source_section() {
  return {"source",
          "Where access events come from.",
          {choice<Config, SourceKind>(
              {"kind", "", "A recorded log, or a Kafka topic; the section of that name applies."},
              REMAPD_MEMBER(source.kind),
              {{SourceKind::kFile, "file"}, {SourceKind::kKafka, "kafka"}})}};
}

Section decode_section() {
  return {
      "source.decode",
      "How records are laid out, for a Kafka topic and for logs of JSON or protobuf; "
      "docs/events.md "
      "has examples. A path is a name, names joined by dots (context.user.id), with [] after a "
      "list "
      "whose elements are meant (items[].id), and | between alternatives (user_id | uid). Each "
      "[[feature]] has a path of its own.",
      {
          choice<Config, RecordFormat>(
              {"format", "",
               "access_batch: remapd's own messages, or their JSON form; json: objects of any "
               "shape; avro, protobuf: records of a schema; auto: what the keys below ask for: "
               "json, avro or protobuf as the registry says, avro with schema_file, protobuf with "
               "descriptor_set, json if there is a path; else access_batch."},
              REMAPD_MEMBER(source.decode.format),
              {{RecordFormat::kAuto, "auto"},
               {RecordFormat::kAccessBatch, "access_batch"},
               {RecordFormat::kJson, "json"},
               {RecordFormat::kAvro, "avro"},
               {RecordFormat::kProtobuf, "protobuf"}}),
          choice<Config, Framing>(
              {"framing", "",
               "What stands before the record in a Kafka message. confluent: a 0, the number of "
               "its schema and, for protobuf, which message of the schema it is."},
              REMAPD_MEMBER(source.decode.framing),
              {{Framing::kNone, "none"}, {Framing::kConfluent, "confluent"}}),
          text<Config>({"schema_registry", "",
                        "URL of the registry that holds the schemas, where the API's paths begin: "
                        "\"https://registry:8081\"; empty: none. While it does not answer, "
                        "reading waits."},
                       REMAPD_MEMBER(source.decode.schema_registry), Empty::kAllowed),
          text<Config>({"registry_user", "", "For the registry's basic authentication."},
                       REMAPD_MEMBER(source.decode.registry_user), Empty::kAllowed),
          text<Config>({"registry_password_file", "",
                        "The file whose first line is the password. A relative path is looked for "
                        "in $CREDENTIALS_DIRECTORY first; likewise the next."},
                       REMAPD_MEMBER(source.decode.registry_password_file), Empty::kAllowed),
          text<Config>({"registry_ca_file", "",
                        "PEM of the authority that signed the registry's certificate; empty: the "
                        "system's."},
                       REMAPD_MEMBER(source.decode.registry_ca_file), Empty::kAllowed),
          text<Config>(
              {"schema_file", "", "avro, without a registry: the schema, as JSON (.avsc)."},
              REMAPD_MEMBER(source.decode.schema_file), Empty::kAllowed),
          text<Config>({"descriptor_set", "",
                        "protobuf, without a registry: the schema, as \"protoc --include_imports "
                        "--descriptor_set_out=FILE\" writes it."},
                       REMAPD_MEMBER(source.decode.descriptor_set), Empty::kAllowed),
          text<Config>({"message", "",
                        "The message of descriptor_set that a record is, by its full name; empty: "
                        "the only one it has."},
                       REMAPD_MEMBER(source.decode.message), Empty::kAllowed),
          text<Config>({"label", "",
                        "Path of the label, a number of 0 to 1 or a boolean; empty: samples have "
                        "none."},
                       REMAPD_MEMBER(source.decode.label), Empty::kAllowed),
          literals<Config>({"label_true", "",
                            "Values of the label that count as 1, as in [\"click\", \"buy\"] or "
                            "[4, 5]; all others count as 0. Empty: the value is the label."},
                           REMAPD_MEMBER(source.decode.label_true)),
          text<Config>(
              {"time", "",
               "Path of the event time: seconds, milliseconds, microseconds or nanoseconds "
               "since 1970, told apart by their size, or ISO 8601; empty: that of the "
               "Kafka message."},
              REMAPD_MEMBER(source.decode.time), Empty::kAllowed),
          text<Config>({"weight", "", "Path of the sample's weight; empty: 1."},
                       REMAPD_MEMBER(source.decode.weight), Empty::kAllowed),
          text<Config>({"sample_per", "",
                        "Path of a list each of whose elements is a sample, as the candidates of "
                        "an impression are; what stands outside of the list belongs to all of "
                        "them. Empty: a record is a sample."},
                       REMAPD_MEMBER(source.decode.sample_per), Empty::kAllowed),
      }};
}

Section file_source_section() {
  return {
      "source.file",
      "A recorded event log of one or more files: plain, gzip or zstd.",
      {
          text<Config>({"path", "",
                        "The log: a file, a directory of files, or a pattern such as "
                        "\"clicks/2025-*/part-*.gz\". Files are read in the order of their paths, "
                        "numbers in them by value; names that begin with '.' or '_' are passed "
                        "over in a directory."},
                       REMAPD_MEMBER(source.file.path)),
          choice<Config, LogFileFormat>(
              {"format", "",
               "tsv, csv: values between tabs or commas under a header line; ndjson: one JSON "
               "object a "
               "line; protobuf: AccessBatch messages (or those of [source.decode]), each after its "
               "length; auto: by name and content."},
              REMAPD_MEMBER(source.file.format),
              {{LogFileFormat::kAuto, "auto"},
               {LogFileFormat::kTsv, "tsv"},
               {LogFileFormat::kCsv, "csv"},
               {LogFileFormat::kNdjson, "ndjson"},
               {LogFileFormat::kProtobuf, "protobuf"}}),
          choice<Config, Labels>({"labels", "",
                                  "Whether labels are used: if the log has them, in any case (a "
                                  "log without them is then an error), or never."},
                                 REMAPD_MEMBER(source.file.labels),
                                 {{Labels::kIfPresent, "if_present"},
                                  {Labels::kRequired, "required"},
                                  {Labels::kIgnore, "ignore"}}),
          text<Config>({"label_column", "", "tsv, csv: the column that holds the label, 0 to 1."},
                       REMAPD_MEMBER(source.file.label_column)),
          text<Config>({"timestamp_column", "",
                        "tsv, csv: the column that holds the event time, if any (docs/formats.md, "
                        "\"Times\")."},
                       REMAPD_MEMBER(source.file.timestamp_column)),
          text<Config>({"separator", "",
                        "tsv, csv: the character between two fields, as \";\"; empty: a tab or a "
                        "comma. In a field in quotes it is text."},
                       REMAPD_MEMBER(source.file.separator), Empty::kAllowed),
          text<Config>(
              {"multi_value_separator", "",
               "tsv, csv: the character between the ids of a field; empty: one id a field."},
              REMAPD_MEMBER(source.file.multi_value_separator), Empty::kAllowed),
          integer<Config>({"batch_samples", "samples", "Samples read at a time."},
                          REMAPD_MEMBER(source.file.batch_samples), 1, 1'000'000),
          size<Config>({"max_record_bytes", "", "A longer record goes to the dead letters."},
                       REMAPD_MEMBER(source.file.max_record_bytes), 1024, 1024 * kMiB),
          choice<Config, AtEnd>({"at_end", "",
                                 "At the end of the log: publish a last version and stop, or keep "
                                 "running for whoever looks at the mappings. What is appended to "
                                 "the log later is read after a restart."},
                                REMAPD_MEMBER(source.file.at_end),
                                {{AtEnd::kStop, "stop"}, {AtEnd::kWait, "wait"}}),
      }};
}

Section kafka_source_section() {
  return {"source.kafka",
          "Kafka topics of events, laid out as [source.decode] says.",
          {
              text<Config>(
                  {"topic", "", "The topic. Not read where one of the lists below names topics."},
                  REMAPD_MEMBER(source.kafka.topic)),
              texts<Config>({"topics", "",
                             "Several topics, read as one stream. A checkpoint belongs to the "
                             "lists in their order; at the end of the last list a topic may be "
                             "added."},
                            REMAPD_MEMBER(source.kafka.topics)),
              texts<Config>({"positive_topics", "",
                             "Topics whose events all have label 1, as one of clicks: whatever "
                             "the events say."},
                            REMAPD_MEMBER(source.kafka.positive_topics)),
              texts<Config>({"negative_topics", "",
                             "Topics whose events all have label 0, as one of views without a "
                             "click."},
                            REMAPD_MEMBER(source.kafka.negative_topics)),
              text<Config>({"group", "",
                            "Consumer group, for lag monitoring; empty: the instance's name. Where "
                            "reading goes on is decided by the checkpoint alone."},
                           REMAPD_MEMBER(source.kafka.group), Empty::kAllowed),
              choice<Config, StartAt>(
                  {"start", "",
                   "Where reading begins without a checkpoint. With one, partitions "
                   "that it does not name are read from their beginning."},
                  REMAPD_MEMBER(source.kafka.start),
                  {{StartAt::kEarliest, "earliest"}, {StartAt::kLatest, "latest"}}),
              choice<Config, OutOfRange>(
                  {"out_of_range", "",
                   "When the checkpoint's offset no longer exists, or the broker's log is damaged "
                   "there: go on at the earliest or latest event there is (what is skipped is "
                   "counted as lost), or stop."},
                  REMAPD_MEMBER(source.kafka.out_of_range),
                  {{OutOfRange::kEarliest, "earliest"},
                   {OutOfRange::kLatest, "latest"},
                   {OutOfRange::kStop, "stop"}}),
          }};
}

Section kafka_section() {
  return {"kafka",
          "The Kafka cluster, for all sections of kind \"kafka\".",
          {text<Config>({"brokers", "", "Bootstrap brokers, host:port, separated by commas."},
                        REMAPD_MEMBER(kafka.brokers))}};
}

Section sink_section() {
  return {"sink",
          "Where mapping versions go.",
          {
              choice<Config, SinkKind>(
                  {"kind", "",
                   "A directory, or a compacted Kafka topic; the section of that name applies."},
                  REMAPD_MEMBER(sink.kind),
                  {{SinkKind::kDirectory, "directory"}, {SinkKind::kKafka, "kafka"}}),
              integer<Config>({"retain_versions", "versions",
                               "Versions kept of each table, for trainers that lag and for rolling "
                               "back."},
                              REMAPD_MEMBER(sink.retain_versions), 1, 10'000),
              number<Config>({"snapshot_share", "share of a snapshot",
                              "Versions are published as deltas where the table's artifact is "
                              "fast. One comes with the whole mapping, a snapshot, once the deltas "
                              "since the last are together so much of it; 0.0: always. A version "
                              "can be rolled back to while its snapshot, or the one before it and "
                              "the deltas between, are kept."},
                             REMAPD_MEMBER(sink.snapshot_share), 0, 100)
                  .live(),
          }};
}

Section directory_sink_section() {
  return {"sink.directory",
          "Mapping versions as directories of files.",
          {text<Config>({"path", "", "The directory; made if missing."},
                        REMAPD_MEMBER(sink.directory_path))}};
}

Section kafka_sink_section() {
  return {"sink.kafka",
          "Mapping versions as messages: chunks, then a manifest.",
          {
              text<Config>({"topic", "", "The topic; must be compacted, with one partition."},
                           REMAPD_MEMBER(sink.kafka_topic)),
              size<Config>({"chunk_bytes", "",
                            "Largest piece of a version in one message; below the broker's "
                            "message.max.bytes."},
                           REMAPD_MEMBER(sink.kafka_chunk_bytes), 4096, 64 * kMiB),
          }};
}

Section dead_letter_section() {
  return {
      "dead_letter",
      "Where events that cannot be decoded go, with the reason and their "
      "coordinates.",
      {choice<Config, DeadLetterKind>(
          {"kind", "", "A file of JSON lines, a Kafka topic, or nowhere (they are only counted)."},
          REMAPD_MEMBER(dead_letter.kind),
          {{DeadLetterKind::kFile, "file"},
           {DeadLetterKind::kKafka, "kafka"},
           {DeadLetterKind::kNone, "none"}})}};
}

Section dead_letter_file_section() {
  return {"dead_letter.file",
          "Dead letters as lines of JSON.",
          {
              text<Config>({"path", "", "The file; older ones get the endings .1, .2, ..."},
                           REMAPD_MEMBER(dead_letter.file_path)),
              size<Config>({"max_bytes", "", "Size at which a new file is begun."},
                           REMAPD_MEMBER(dead_letter.file_max_bytes), 4096, 1024 * 1024 * kMiB),
              integer<Config>({"keep", "files", "Older files kept beside the current one."},
                              REMAPD_MEMBER(dead_letter.file_keep), 0, 1'000),
          }};
}

Section dead_letter_kafka_section() {
  return {"dead_letter.kafka",
          "Dead letters as messages, with reason and coordinates in their headers.",
          {text<Config>({"topic", "", "The topic."}, REMAPD_MEMBER(dead_letter.kafka_topic))}};
}

Section learning_section() {
  return {"learning",
          "What is learned about ids. A checkpoint can be read only under the "
          "values it was written with, except tick_samples and "
          "co_access_dimension.",
          {
              integer<Config>({"co_access_dimension", "floats",
                               "Length of co-access embeddings; a multiple of 4. While a version "
                               "is built each float takes 4 bytes for every tracked id of all "
                               "tables, and 4 more for those of the table that is built."},
                              REMAPD_MEMBER(learning.co_access_dimension), 4, 64),
              integer<Config>(
                  {"factors", "floats", "Length of supervised embeddings; a multiple of 4."},
                  REMAPD_MEMBER(learning.factors), 4, 32),
              integer<Config>({"mini_batch", "samples",
                               "Samples whose gradients are taken at the same parameters."},
                              REMAPD_MEMBER(learning.mini_batch), 1, 4096),
              integer<Config>({"tick_samples", "samples",
                               "Samples between two ticks, at which counts decay and full tables "
                               "evict their coldest ids."},
                              REMAPD_MEMBER(learning.tick_samples), 1, kMaxCount),
              integer<Config>({"seed", "", "Of hashes and initial embeddings."},
                              REMAPD_MEMBER(learning.seed), 0, kMaxCount),
          }};
}

ArraySection<TableConfig> table_section() {
  using mapping::ArtifactKind;
  using mapping::Strategy;
  using pipeline::LearnerChoice;
  return {
      "table",
      "An embedding table; one section each.",
      {
          text<TableConfig>({"name", "", "Its name."}, REMAPD_MEMBER(name)).required(),
          integer<TableConfig>({"rows", "rows", "Row budget: the rows of the embedding table."},
                               REMAPD_MEMBER(rows), 1, 4'294'967'294)
              .required(),
          choice<TableConfig, Strategy>(
              {"strategy", "",
               "How ids are placed. combined: frequent ids own a row, the others "
               "share rows with ids that behave alike. The other strategies are "
               "baselines for comparison."},
              REMAPD_MEMBER(strategy),
              {{Strategy::kCombined, "combined"},
               {Strategy::kEmbedding, "embedding"},
               {Strategy::kFrequency, "frequency"},
               {Strategy::kDoubleHash, "double_hash"},
               {Strategy::kHash, "hash"}}),
          choice<TableConfig, LearnerChoice>(
              {"learner", "",
               "How to find out which ids behave alike. supervised: by labels; "
               "co_access: by the ids they occur with; auto: by labels once half "
               "of all samples have one, of both classes, else co_access."},
              REMAPD_MEMBER(learner),
              {{LearnerChoice::kAuto, "auto"},
               {LearnerChoice::kCoAccess, "co_access"},
               {LearnerChoice::kSupervised, "supervised"}}),
          integer<TableConfig>({"max_tracked_ids", "ids",
                                "How many ids have statistics and a place in the mapping, at most "
                                "(up to 4 % more). At the bound the coldest ids are evicted."},
                               REMAPD_MEMBER(max_tracked_ids), 1, std::uint64_t{1} << 31),
          choice<TableConfig, ArtifactKind>(
              {"artifact", "",
               "What versions are published as. fast: 8 bytes an id and, between "
               "snapshots, deltas. compact: about 4.6 bytes an id (for a million "
               "rows), every version a snapshot; lookups take longer, and one new "
               "id in 4096 is taken for a known one."},
              REMAPD_MEMBER(artifact),
              {{ArtifactKind::kFast, "fast"}, {ArtifactKind::kCompact, "compact"}}),
          number<TableConfig>({"dedicated_share", "share of rows",
                               "Rows that hold one frequent id each, as a share of the rows beside "
                               "those that new-id rows may take."},
                              REMAPD_MEMBER(dedicated_share), 0, 1),
          number_or_word<TableConfig>(
              {"new_id_share", "share of rows",
               "New-id rows, for ids that the mapping in force does not know. "
               "auto: one row, or up to 0.3 of the rows by the number of new ids "
               "where rows of their own help them."},
              REMAPD_MEMBER(new_id_share), 0, 0.9, "auto", -1),
          number_or_word<TableConfig>({"horizon", "samples",
                                       "How long what has been learned counts: counts halve in "
                                       "this many samples, and of an "
                                       "id's accesses the latest count, as many as an average id "
                                       "has in them. 0: nothing is "
                                       "forgotten. auto: what predicts the stream best; nothing is "
                                       "forgotten as long as ids "
                                       "behave as before (docs/horizon.md)."},
                                      REMAPD_MEMBER(horizon), 0, 1e18, "auto", -1),
          number<TableConfig>({"hysteresis", "share",
                               "An id moves only to a row whose ids are nearer by this share of "
                               "the squared distance."},
                              REMAPD_MEMBER(hysteresis), 0, 1),
          number<TableConfig>({"churn_budget", "share of traffic",
                               "Traffic of clustered ids whose row may change from one version to "
                               "the next. Does not apply to the version that clusters all ids from "
                               "scratch, after their number has doubled."},
                              REMAPD_MEMBER(churn_budget), 0, 1),
      },
      REMAPD_MEMBER(tables)};
}

ArraySection<Feature> feature_section() {
  return {
      "feature",
      "An input column and the table it feeds; one section each. Several "
      "features may feed one table and then share its ids. Other columns "
      "of the events are skipped.",
      {
          text<Feature>({"name", "", "Its name in the events."}, REMAPD_MEMBER(name)).required(),
          text<Feature>({"table", "", "The table it feeds; empty: the table of the same name."},
                        REMAPD_MEMBER(table), Empty::kAllowed),
          text<Feature>({"path", "",
                         "Where in a record its ids are ([source.decode]; of a log of columns: the "
                         "column); a list is several ids. Empty: the field of its name."},
                        REMAPD_MEMBER(path), Empty::kAllowed),
          literals<Feature>(
              {"ignore", "", "Values that are no id, such as padding: [0, -1, \"unknown\"]."},
              REMAPD_MEMBER(ignore)),
      },
      REMAPD_MEMBER(features)};
}

Section publish_section() {
  return {
      "publish",
      "When a new version of each table is built and published.",
      {
          integer<Config>({"every_samples", "samples",
                           "Samples between two versions of a table. Most are increments, which "
                           "cost what has changed: new ids and accessed ones are placed among the "
                           "others. Full builds, in which all ids are ranked and clustered, have "
                           "the keys below."},
                          REMAPD_MEMBER(publish.every_samples), 1, kMaxCount),
          integer<Config>({"first_samples", "samples",
                           "The first version of a table, a full build, is due after so many "
                           "samples."},
                          REMAPD_MEMBER(publish.first_samples), 1, kMaxCount),
          integer<Config>({"full_samples", "samples",
                           "The final gap between two full builds of a table with few ids."},
                          REMAPD_MEMBER(publish.full_samples), 1, kMaxCount),
          number<Config>({"full_samples_per_id", "samples",
                          "The final gap between full builds is so many samples for each tracked "
                          "id where that is more: their cost grows with the ids, and so stays a "
                          "bounded share of the cost of reading."},
                         REMAPD_MEMBER(publish.full_samples_per_id), 0, 1'000),
          number<Config>({"growth", "factor",
                          "The first gap between full builds grows by this factor from one to the "
                          "next."},
                         REMAPD_MEMBER(publish.growth), 1, 100),
          duration<Config>({"min_interval", "",
                            "The least time between two versions of a table. Only where reading "
                            "does not wait for them (wait_for_publish)."},
                           REMAPD_MEMBER(publish.min_interval), 0s, 24h)
              .live(),
          number<Config>({"cpu_share", "share of the time",
                          "How much of the time a table's full builds may take, and again its "
                          "increments: the next one waits until then. Only where reading does not "
                          "wait for them."},
                         REMAPD_MEMBER(publish.cpu_share), 0.001, 1)
              .live(),
          duration<Config>(
              {"interval", "",
               "A version is also due this long after the last, if there were events; "
               "\"0s\": by samples only, which makes a replay's versions reproducible."},
              REMAPD_MEMBER(publish.interval), 0s, 24h * 365)
              .live(),
          boolean_or_auto<Config>({"wait_for_publish", "",
                                   "Whether reading waits until a due version is published. true: "
                                   "every version is built at exactly its sample; false: reading "
                                   "goes on meanwhile; auto: true for a file, false for Kafka."},
                                  REMAPD_MEMBER(publish.wait_for_publish)),
      }};
}

Section gates_section() {
  return {"publish.gates",
          "What a version must pass before it is published. One that does not "
          "is reported, and the version before stays in force.",
          {
              integer<Config>({"min_samples", "samples", "Samples that must have been read."},
                              REMAPD_MEMBER(publish.gates.min_samples), 0, kMaxCount)
                  .live(),
              number<Config>({"max_churn", "share of traffic",
                              "Traffic whose row may change against the version before; 1.0: any."},
                             REMAPD_MEMBER(publish.gates.max_churn), 0, 1)
                  .live(),
          }};
}

Section checkpoint_section() {
  return {"checkpoint",
          "State and input position, to go on from after a restart.",
          {
              text<Config>({"dir", "",
                            "Directory of the checkpoints; empty: none are kept, and a restart "
                            "begins with empty statistics."},
                           REMAPD_MEMBER(checkpoint.dir), Empty::kAllowed),
              duration<Config>({"interval", "", "Time between two checkpoints."},
                               REMAPD_MEMBER(checkpoint.interval), 100ms, 24h)
                  .live(),
              integer<Config>({"keep", "checkpoints", "How many of the newest are kept."},
                              REMAPD_MEMBER(checkpoint.keep), 1, 1'000),
          }};
}

Section admin_section() {
  return {
      "admin",
      "HTTP for probes, metrics, people and trainers; docs/admin-api.md says what is there.",
      {
          text<Config>({"listen", "",
                        "Address and port, or \"unix:/run/remapd/admin.sock\"; port 0: any "
                        "free one, told in the log; empty: no HTTP. An address that can be "
                        "reached from elsewhere needs TLS and a token."},
                       REMAPD_MEMBER(admin.listen), Empty::kAllowed),
          text<Config>(
              {"token_file", "",
               "The file that holds the token for actions (Authorization: Bearer), 16 "
               "characters or more; empty: no actions. Read again when it changes. A relative "
               "path is looked for in $CREDENTIALS_DIRECTORY first; likewise the next two."},
              REMAPD_MEMBER(admin.token_file), Empty::kAllowed),
          text<Config>({"tls_certificate_file", "",
                        "Certificate chain, PEM, for HTTPS; empty: HTTP. Read again when it or "
                        "the key changes."},
                       REMAPD_MEMBER(admin.tls_certificate_file), Empty::kAllowed),
          text<Config>({"tls_key_file", "", "Its private key, PEM, without a password."},
                       REMAPD_MEMBER(admin.tls_key_file), Empty::kAllowed),
          integer<Config>({"max_connections", "connections", "More are answered 503 and closed."},
                          REMAPD_MEMBER(admin.max_connections), 1, 10'000),
          duration<Config>({"header_timeout", "",
                            "A client that takes longer to send the head of a request, or its "
                            "body, is disconnected."},
                           REMAPD_MEMBER(admin.header_timeout), 100ms, 10s),
          size<Config>({"max_body_bytes", "", "A longer request body is refused."},
                       REMAPD_MEMBER(admin.max_body_bytes), 0, 64 * kMiB),
          integer<Config>(
              {"max_streams", "streams", "Clients that follow events (/v1/events) at a time."},
              REMAPD_MEMBER(admin.max_streams), 1, 1'000),
          integer<Config>({"keep_versions", "versions",
                           "Versions of each table kept in memory for download. The newest is "
                           "in memory in any case; each other one costs 8 to 16 bytes an id."},
                          REMAPD_MEMBER(admin.keep_versions), 1, 100),
      }};
}

Section log_section() {
  return {"log",
          "Log lines, to standard error.",
          {
              choice<Config, LogLevel>({"level", "", "The least important line that is written."},
                                       REMAPD_MEMBER(log.level),
                                       {{LogLevel::kDebug, "debug"},
                                        {LogLevel::kInfo, "info"},
                                        {LogLevel::kWarning, "warning"},
                                        {LogLevel::kError, "error"}})
                  .live(),
              choice<Config, LogFormat>({"format", "", "For people, or one JSON object a line."},
                                        REMAPD_MEMBER(log.format),
                                        {{LogFormat::kText, "text"}, {LogFormat::kJson, "json"}}),
          }};
}

Section threads_section() {
  return {"threads",
          "Processors used.",
          {integer<Config>(
              {"compute", "threads",
               "Threads that learn, and as many that build on the processor time that "
               "these leave; 0: one for each processor that affinity and the control group's CPU "
               "quota allow. Results do not depend on it."},
              REMAPD_MEMBER(threads.compute), 0, 1'024)}};
}

std::vector<PropertySection> property_sections() {
  return {
      {"kafka.properties",
       "Any property of librdkafka (its CONFIGURATION.md), for all connections.",
       {R"("security.protocol" = "SASL_SSL")", R"("sasl.mechanisms" = "SCRAM-SHA-512")",
        R"("sasl.username" = "remapd")", R"("ssl.ca.location" = "/etc/ssl/certs/kafka-ca.pem")"},
       REMAPD_MEMBER(kafka.properties)},
      {"kafka.secret_files",
       "Properties of librdkafka whose values are secrets: the file that holds each. A relative "
       "path is looked for in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) first.",
       {R"("sasl.password" = "kafka-password")"},
       REMAPD_MEMBER(kafka.secret_files),
       true},
      {"source.kafka.properties",
       "Properties of librdkafka for the consumer, over those of [kafka.properties].",
       {R"("fetch.max.bytes" = "52428800")"},
       REMAPD_MEMBER(source.kafka.properties)},
      {"sink.kafka.properties",
       "Properties of librdkafka for the producer of mappings, over those of [kafka.properties].",
       {R"("compression.type" = "zstd")"},
       REMAPD_MEMBER(sink.kafka_properties)},
      {"dead_letter.kafka.properties",
       "Properties of librdkafka for the producer of dead letters, over those of "
       "[kafka.properties].",
       {R"("linger.ms" = "100")"},
       REMAPD_MEMBER(dead_letter.kafka_properties)},
  };
}

#undef REMAPD_MEMBER

ConfigSchema make_schema() {
  return {.sections = {instance_section(), source_section(), decode_section(),
                       file_source_section(), kafka_source_section(), sink_section(),
                       directory_sink_section(), kafka_sink_section(), dead_letter_section(),
                       dead_letter_file_section(), dead_letter_kafka_section(), kafka_section(),
                       learning_section(), publish_section(), gates_section(), checkpoint_section(),
                       admin_section(), log_section(), threads_section()},
          .properties = property_sections(),
          .table = table_section(),
          .feature = feature_section()};
}

}  // namespace

const ConfigSchema& config_schema() {
  static const ConfigSchema schema = make_schema();
  return schema;
}

bool is_secret_property(std::string_view name) {
  constexpr std::array<std::string_view, 9> kSecrets{"sasl.password",
                                                     "ssl.key.password",
                                                     "ssl.keystore.password",
                                                     "ssl.key.pem",
                                                     "ssl_key",
                                                     "sasl.oauthbearer.client.secret",
                                                     "sasl.oauthbearer.config",
                                                     "ssl.truststore.password",
                                                     "sasl.jaas.config"};
  return std::find(kSecrets.begin(), kSecrets.end(), name) != kSecrets.end();
}

}  // namespace remapd::config
