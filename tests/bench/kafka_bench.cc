// Events from a broker, and mapping versions to one:
//   scripts/kafka-broker run -- build/release/bin/kafka_bench
//
// Events: messages of 256 samples of one id, on one partition. `ids/cpu_s` counts the processor
// time of the whole process, librdkafka's threads included: ids a second and core. Consume is the
// floor: the same messages through bare librdkafka, not decoded. Versions: an artifact of a million
// ids, published and read back, under each compression. ConsumeAndLearn is the daemon's whole
// intake: messages of 256 ids (64 samples of four features) read, decoded and learned on one
// thread; ConsumeSamples is its floor. ConsumeRecordsAndLearn is the same of one sample a message,
// as an AccessBatch and as JSON, Avro and protobuf of a team's own.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>
#include <tbb/global_control.h>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_event_producer.h"
#include "connectors/kafka/kafka_event_source.h"
#include "connectors/kafka/kafka_mapping_sink.h"
#include "connectors/kafka/kafka_mapping_source.h"
#include "connectors/kafka/topic_admin.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/mapping/artifact_encoder.h"
#include "core/pipeline/engine.h"
#include "tests/bench/record_forms.h"
#include "tests/support/temp_dir.h"
#include "tests/support/zipf.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessages = 40'000;
constexpr std::size_t kIds = 256;

KafkaSettings settings() {
  KafkaSettings settings;
  settings.brokers = std::getenv("REMAPD_KAFKA_BROKERS");
  return settings;
}

std::string make_topic(TopicSpec spec) {
  static int count = 0;
  spec.name += "-" + std::to_string(++count);
  const auto admin = TopicAdmin::create(settings());
  REMAPD_CHECK(admin && (*admin)->create_topic(spec), "a benchmark can make its topics");
  return spec.name;
}

const pipeline::FeatureSchema& schema() {
  static const pipeline::FeatureSchema kSchema({{"item", TableIndex{0}}});
  return kSchema;
}

// The topic with all messages, written once.
const std::string& event_topic_of_bench() {
  static const std::string kTopic = [] {
    const std::string topic = make_topic(event_topic("events", 1));
    auto producer = KafkaEventProducer::create({.settings = settings(), .topic = topic});
    REMAPD_CHECK(producer.has_value(), "a benchmark can produce");
    Random random(1);
    pipeline::EventBatch batch;
    for (std::size_t m = 0; m < kMessages; ++m) {
      batch.reset(1);
      batch.mutable_lengths(FeatureIndex{0}).assign(kIds, 1);
      for (std::size_t i = 0; i < kIds; ++i) {
        batch.mutable_values(FeatureIndex{0}).push_back(random.next());
      }
      batch.seal(kIds);
      REMAPD_CHECK((*producer)->send(batch, schema()), "a benchmark can produce");
    }
    REMAPD_CHECK((*producer)->flush(), "a benchmark can produce");
    return topic;
  }();
  return kTopic;
}

void count_ids(benchmark::State& state) {
  const auto ids = static_cast<double>(state.iterations() * kMessages * kIds);
  state.counters["ids/s"] = benchmark::Counter(ids, benchmark::Counter::kIsRate);
}

void consume(benchmark::State& state, const std::string& topic) {
  for (auto _ : state) {
    ClientRole role;
    role.type = RD_KAFKA_CONSUMER;
    role.defaults = {{"group.id", "bench"}, {"check.crcs", "true"}};
    const auto client = KafkaClient::create(settings(), role);
    rd_kafka_assign((*client)->get(), one_partition(topic, 0, 0).get());
    std::size_t messages = 0;
    while (messages < kMessages) {
      const MessageHandle message = (*client)->consume(1s);
      if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++messages;
    }
  }
  count_ids(state);
}

void Consume(benchmark::State& state) {
  consume(state, event_topic_of_bench());
}

void ConsumeAndDecode(benchmark::State& state) {
  const std::string& topic = event_topic_of_bench();
  for (auto _ : state) {
    auto source = KafkaEventSource::create(
        {.settings = settings(), .topic = topic, .group = "bench"}, schema(), nullptr);
    REMAPD_CHECK(source && (*source)->start({}), "a benchmark can read its topic");
    pipeline::EventBatch batch;
    std::size_t samples = 0;
    while (samples < kMessages * kIds) {
      const auto polled = (*source)->poll(batch, 1s);
      if (polled && *polled == pipeline::PollOutcome::kBatch) samples += batch.samples();
    }
  }
  count_ids(state);
}

// Messages of 64 samples of four features, 256 ids in all, drawn by Zipf 1.05 from two million a
// feature, with labels: what the daemon reads, decodes and learns.
constexpr std::uint32_t kFeatures = 4;
constexpr std::uint64_t kUniverse = 2'000'000;

pipeline::EngineConfig engine_config(pipeline::LearnerChoice learner) {
  pipeline::EngineConfig config;
  for (std::uint32_t f = 0; f < kFeatures; ++f) {
    pipeline::TableConfig table;
    table.name = "t" + std::to_string(f);
    table.rows = kUniverse / 10;
    table.max_tracked_ids = kUniverse + kUniverse / 20;
    table.learner = learner;
    config.tables.push_back(table);
    config.features.push_back({table.name, TableIndex{f}});
  }
  config.co_access_dimension = 16;
  config.factors = 4;
  return config;
}

const std::string& sample_topic_of_bench() {
  static const std::string kTopic = [] {
    const std::string topic = make_topic(event_topic("samples", 1));
    auto producer = KafkaEventProducer::create({.settings = settings(), .topic = topic});
    REMAPD_CHECK(producer.has_value(), "a benchmark can produce");
    const pipeline::FeatureSchema features(engine_config(pipeline::LearnerChoice::kAuto).features);
    const support::Zipf zipf(kUniverse, 1.05);
    Random random(1);
    pipeline::EventBatch batch;
    for (std::size_t m = 0; m < kMessages; ++m) {
      batch.reset(kFeatures);
      constexpr std::size_t kSamples = kIds / kFeatures;
      for (std::uint32_t f = 0; f < kFeatures; ++f) {
        batch.mutable_lengths(FeatureIndex{f}).assign(kSamples, 1);
        for (std::size_t s = 0; s < kSamples; ++s) {
          batch.mutable_values(FeatureIndex{f}).push_back(hash_id(zipf(random), f));
        }
      }
      for (std::size_t s = 0; s < kSamples; ++s) {
        batch.mutable_labels().push_back(random.uniform() < 0.3 ? 1.0F : 0.0F);
      }
      batch.seal(kSamples);
      REMAPD_CHECK((*producer)->send(batch, features), "a benchmark can produce");
    }
    REMAPD_CHECK((*producer)->flush(), "a benchmark can produce");
    return topic;
  }();
  return kTopic;
}

void ConsumeSamples(benchmark::State& state) {
  consume(state, sample_topic_of_bench());
}

constexpr std::size_t kRecordMessages = 300'000;

enum class Form { kAccessBatch, kJson, kAvro, kProtobuf };

std::vector<std::string> feature_names() {
  std::vector<std::string> names;
  for (const pipeline::Feature& feature : engine_config(pipeline::LearnerChoice::kAuto).features) {
    names.push_back(feature.name);
  }
  return names;
}

// Without a form of its own: AccessBatch.
std::optional<support::RecordForm> record_form(Form form) {
  static const test_support::TempDir kDir;
  switch (form) {
    case Form::kJson:
      return support::json_form(feature_names());
    case Form::kAvro:
      return support::avro_form(feature_names(), kDir.path());
    case Form::kProtobuf:
      return support::protobuf_form(feature_names(), kDir.path());
    case Form::kAccessBatch:
      break;
  }
  return std::nullopt;
}

// A sample a message.
std::string record_topic(const std::optional<support::RecordForm>& form) {
  const std::string topic = make_topic(event_topic("records", 1));
  auto producer = KafkaEventProducer::create({.settings = settings(), .topic = topic});
  REMAPD_CHECK(producer.has_value(), "a benchmark can produce");
  const pipeline::FeatureSchema features(engine_config(pipeline::LearnerChoice::kAuto).features);
  const support::Zipf zipf(kUniverse, 1.05);
  Random random(1);
  pipeline::EventBatch batch;
  for (std::size_t m = 0; m < kRecordMessages; ++m) {
    batch.reset(kFeatures);
    std::vector<Id> ids;
    for (std::uint32_t f = 0; f < kFeatures; ++f) {
      ids.push_back(hash_id(zipf(random), f));
      batch.mutable_lengths(FeatureIndex{f}).assign(1, 1);
      batch.mutable_values(FeatureIndex{f}).assign(1, ids.back());
    }
    const bool label = random.uniform() < 0.3;
    batch.mutable_labels().assign(1, label ? 1.0F : 0.0F);
    batch.seal(1);
    const auto sent = form ? (*producer)->send(as_bytes(form->encode(ids, label)))
                           : (*producer)->send(batch, features);
    REMAPD_CHECK(sent, "a benchmark can produce");
  }
  REMAPD_CHECK((*producer)->flush(), "a benchmark can produce");
  return topic;
}

void ConsumeRecordsAndLearn(benchmark::State& state, Form form) {
  const auto records = record_form(form);
  const std::string topic = record_topic(records);
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 1);
  auto engine = pipeline::Engine::create(engine_config(pipeline::LearnerChoice::kSupervised));
  REMAPD_CHECK(engine.has_value(), "the bench's configuration is sound");
  const auto read_topic = [&] {
    KafkaEventSourceOptions options{.settings = settings(), .topic = topic, .group = "bench"};
    if (records) options.decode = records->options;
    auto source = KafkaEventSource::create(std::move(options), (*engine)->schema(), nullptr);
    REMAPD_CHECK(source && (*source)->start({}), "a benchmark can read its topic");
    pipeline::EventBatch batch;
    for (std::size_t samples = 0; samples < kRecordMessages;) {
      const auto polled = (*source)->poll(batch, 1s);
      if (!polled || *polled != pipeline::PollOutcome::kBatch) continue;
      samples += batch.samples();
      (*engine)->ingest(batch);
    }
  };
  read_topic();
  for (auto _ : state) read_topic();
  state.counters["ids/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kRecordMessages * kFeatures),
                         benchmark::Counter::kIsRate);
}

// The same messages again and again, so that after the first round most ids are tracked.
void ConsumeAndLearn(benchmark::State& state, pipeline::LearnerChoice learner) {
  const std::string& topic = sample_topic_of_bench();
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 1);
  auto engine = pipeline::Engine::create(engine_config(learner));
  REMAPD_CHECK(engine.has_value(), "the bench's configuration is sound");
  const auto read_topic = [&] {
    auto source = KafkaEventSource::create(
        {.settings = settings(), .topic = topic, .group = "bench"}, (*engine)->schema(), nullptr);
    REMAPD_CHECK(source && (*source)->start({}), "a benchmark can read its topic");
    pipeline::EventBatch batch;
    for (std::size_t ids = 0; ids < kMessages * kIds;) {
      const auto polled = (*source)->poll(batch, 1s);
      if (!polled || *polled != pipeline::PollOutcome::kBatch) continue;
      ids += batch.total_ids();
      (*engine)->ingest(batch);
    }
  };
  read_topic();
  for (auto _ : state) read_topic();
  count_ids(state);
}

mapping::Publication artifact_of_a_million() {
  constexpr std::uint32_t kRows = 100'000;
  mapping::Mapping mapping;
  mapping.info = {.table = "item",
                  .version = Version{1},
                  .parent = kNoVersion,
                  .epoch = Epoch{1},
                  .rows = kRows,
                  .dedicated_rows = kRows / 2,
                  .fallback = {.first_row = kRows / 2, .row_count = kRows / 2, .ways = 1}};
  Random random(2);
  for (int i = 0; i < 1'000'000; ++i) mapping.ids.push_back(random.next());
  std::sort(mapping.ids.begin(), mapping.ids.end());
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
    mapping.rows.emplace_back(static_cast<std::uint32_t>(random.below(kRows)));
  }
  mapping::Publication publication;
  publication.manifest.info = mapping.info;
  publication.manifest.ids = mapping.ids.size();
  publication.blobs[0] = mapping::encode_artifact(mapping);
  publication.manifest.blobs[0] = mapping::BlobInfo{.size = publication.blobs[0].size(),
                                                    .checksum = checksum(publication.blobs[0])};
  return publication;
}

void PublishAndFetch(benchmark::State& state, const char* compression) {
  static const mapping::Publication kPublication = artifact_of_a_million();
  const std::string topic = make_topic(mapping_topic("mappings", 512 << 10));
  KafkaSettings with = settings();
  with.layers = {{"sink.kafka.properties", {{"compression.type", compression}}}};
  const auto sink = KafkaMappingSink::create({.settings = with, .topic = topic});
  const auto source =
      KafkaMappingSource::create({.settings = settings(), .topic = topic, .table = "item"});
  REMAPD_CHECK(sink && source, "a benchmark can make sink and source");
  mapping::Publication publication = kPublication;
  publication.manifest.info.epoch = (*sink)->take_over("item", "bench").value().epoch;
  std::uint64_t version = 0;
  for (auto _ : state) {
    publication.manifest.info.version = Version{++version};
    REMAPD_CHECK((*sink)->publish(publication), "a benchmark can publish");
    std::vector<mapping::Manifest> found;
    while (found.empty()) {
      if (auto polled = (*source)->poll(1s)) found = std::move(*polled);
    }
    const auto blob = (*source)->fetch(found.front(), mapping::BlobKind::kSnapshot);
    REMAPD_CHECK(blob.has_value(), "what was published can be fetched");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(publication.blobs[0].size()));
  state.counters["blob_bytes"] = static_cast<double>(publication.blobs[0].size());
}

BENCHMARK(Consume)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ConsumeSamples)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ConsumeAndDecode)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeAndLearn, coaccess, pipeline::LearnerChoice::kCoAccess)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeAndLearn, supervised, pipeline::LearnerChoice::kSupervised)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeRecordsAndLearn, access_batch, Form::kAccessBatch)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeRecordsAndLearn, json, Form::kJson)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeRecordsAndLearn, avro, Form::kAvro)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ConsumeRecordsAndLearn, protobuf, Form::kProtobuf)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PublishAndFetch, none, "none")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PublishAndFetch, lz4, "lz4")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PublishAndFetch, zstd, "zstd")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace remapd::kafka

int main(int argc, char** argv) {
  if (std::getenv("REMAPD_KAFKA_BROKERS") == nullptr) {
    std::cerr << "REMAPD_KAFKA_BROKERS is not set: scripts/kafka-broker run -- " << argv[0] << "\n";
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
