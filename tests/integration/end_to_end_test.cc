// Events in, mapping versions out, a trainer that follows: through a real broker, with nothing in
// between but what a user has. What the trainer looks up is compared with an engine of the test's
// own that is given the same events, not with anything the daemon says.
#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_mapping_source.h"
#include "core/pipeline/batch_cursor.h"
#include "core/pipeline/engine.h"
#include "tests/support/daemon_run.h"
#include "tests/support/kafka.h"

namespace remapd::application {
namespace {

using test_support::KafkaTest;
using test_support::TempDir;
using ::testing::ElementsAre;

constexpr std::uint64_t kPerMessage = 100;

// An engine that is given all events of the stream in order, and builds versions where it is told.
class Reference {
 public:
  Reference(const pipeline::EngineConfig& config, const std::vector<pipeline::EventBatch>& stream)
      : engine_(pipeline::Engine::create(config).value()), stream_(stream) {}

  // The version that the manifest announces, as the daemon must have built it.
  mapping::Mapping build(TableIndex table, const mapping::Manifest& manifest) {
    while (engine_->samples() < manifest.built_samples) {
      if (cursor_.remaining() == 0) {
        cursor_.refill() = stream_.at(next_++);
        cursor_.filled();
      }
      engine_->ingest(cursor_.take(std::min<std::uint64_t>(
          cursor_.remaining(), manifest.built_samples - engine_->samples())));
    }
    auto job = engine_->begin_build({.table = table,
                                     .version = manifest.info.version,
                                     .epoch = manifest.info.epoch,
                                     .built_ms = manifest.info.built_ms});
    const auto outcome = pipeline::run_build(std::move(job));
    engine_->adopt(outcome);
    return outcome.mapping;
  }

 private:
  std::unique_ptr<pipeline::Engine> engine_;
  const std::vector<pipeline::EventBatch>& stream_;
  std::size_t next_ = 0;
  pipeline::BatchCursor cursor_;
};

// What a trainer looked up right after it had swapped to a version.
struct Served {
  TableIndex table;
  mapping::Manifest manifest;
  std::vector<Row> rows;  // of all ids of the stream, and of some that never occur
};

class EndToEnd : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    events_ = make_event_topic();
    mappings_ = make_topic(kafka::mapping_topic("mappings", 64 << 10));
    letters_ = make_topic(kafka::dead_letter_topic("letters"));
    producer_ = producer_of(events_);
    generate();
    configure();
    for (const auto& table : config_.tables) clients_.push_back(follow(table));
  }

  void generate() {
    auto generator = files::EventGenerator::create({.samples_per_message = kPerMessage,
                                                    .users = 2'000,
                                                    .items = 1'000,
                                                    .communities = 20,
                                                    .categories = 10,
                                                    .drift_samples = 3'000})
                         .value();
    schema_ = generator.schema();
    std::vector<std::set<Id>> ids(schema_.size());
    for (std::size_t sent = 0; sent < kFirstLife + kSecondLife; sent += kPerMessage) {
      generator.next(stream_.emplace_back());
      for (std::uint32_t f = 0; f < schema_.size(); ++f) {
        const auto values = stream_.back().values(FeatureIndex{f});
        ids[f].insert(values.begin(), values.end());
      }
    }
    for (std::set<Id>& seen : ids) {
      for (Id unknown = 1; unknown <= 100; ++unknown) seen.insert(unknown);
      ids_.emplace_back(seen.begin(), seen.end());
    }
  }

  void configure() {
    config_ = config_in(dir_.path());
    config_.kafka.brokers = settings.brokers;
    config_.source.kind = config::SourceKind::kKafka;
    config_.source.kafka.topic = events_;
    config_.sink.kind = config::SinkKind::kKafka;
    config_.sink.kafka_topic = mappings_;
    config_.sink.kafka_chunk_bytes = 4096;  // so that every version has several
    config_.dead_letter.kind = config::DeadLetterKind::kKafka;
    config_.dead_letter.kafka_topic = letters_;
    config_.publish.first_samples = 1'000;
    config_.publish.every_samples = 1'000;
    config_.publish.full_samples = 1'000;
    config_.publish.full_samples_per_id = 0;
    config_.publish.min_interval = 0ms;
    config_.publish.wait_for_publish = true;  // every version at exactly its sample
  }

  std::unique_ptr<client::Client> follow(const pipeline::TableConfig& table) {
    auto source = kafka::KafkaMappingSource::create(
        {.settings = settings, .topic = mappings_, .table = table.name});
    auto client = client::Client::create(
        std::move(source.value()),
        {.table = table.name, .rows = table.rows, .seed = config_.learning.seed});
    return std::move(client.value());
  }

  // Messages first .. last - 1 of the stream; `poison` goes between, in the middle.
  void send(std::size_t first, std::size_t last, const std::string& poison = "") {
    for (std::size_t m = first; m < last; ++m) {
      if (!poison.empty() && m == (first + last) / 2) {
        ASSERT_TRUE(producer_->send(as_bytes(poison)));
      }
      ASSERT_TRUE(producer_->send(stream_[m], schema_));
    }
    const auto flushed = producer_->flush();
    ASSERT_TRUE(flushed) << flushed.error().message;
  }

  // Swaps to whatever is staged, one version after the other.
  void poll_and_swap() {
    for (std::uint32_t t = 0; t < clients_.size(); ++t) {
      client::Client& client = *clients_[t];
      const auto polled = client.poll(20ms);
      // A topic that was made just now may not be known everywhere yet.
      ASSERT_TRUE(polled || polled.error().retryable) << polled.error().message;
      for (auto staged = client.staged(); !staged.empty(); staged = client.staged()) {
        const auto migration = client.swap_next();
        ASSERT_TRUE(migration) << migration.error().message << "; " << client.stats().last_problem;
        Served served{TableIndex{t}, staged.front().manifest, {}};
        ASSERT_EQ(client.served(), served.manifest.info.version);
        served.rows.resize(ids_[t].size());
        auto reader = client.reader();
        reader.pin().lookup(ids_[t], served.rows);
        served_.push_back(std::move(served));
      }
    }
  }

  // A life of the daemon, with trainers that follow it; the newest version of each table.
  std::vector<Version> live_until(std::uint64_t samples) {
    DaemonRun run(config_);
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (run->status()->samples < samples && std::chrono::steady_clock::now() < deadline) {
      poll_and_swap();
      if (HasFatalFailure()) return {};
    }
    EXPECT_TRUE(run.stop());
    const auto status = run->status();
    EXPECT_EQ(status->samples, samples) << run.log_text();
    std::vector<Version> newest;
    for (const TableStatus& table : status->tables) newest.push_back(table.last->info.version);
    const auto all_served = [&] {
      for (std::size_t t = 0; t < newest.size(); ++t) {
        if (clients_[t]->served() < newest[t]) return false;
      }
      return true;
    };
    while (!all_served() && std::chrono::steady_clock::now() < deadline) {
      poll_and_swap();
      if (HasFatalFailure()) return {};
    }
    return newest;
  }

  // The payload of each dead letter, by its coordinates.
  std::map<std::string, std::string> dead_letters() {
    kafka::ClientRole role;
    role.type = RD_KAFKA_CONSUMER;
    role.defaults = {{"group.id", "test"}, {"enable.partition.eof", "true"}};
    const auto reader = kafka::KafkaClient::create(settings, role).value();
    rd_kafka_assign(reader->get(), kafka::one_partition(letters_, 0, 0).get());
    std::map<std::string, std::string> letters;
    for (;;) {
      const auto message = reader->consume(20s);
      if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return letters;
      letters[std::string(kafka::key_of(*message))] =
          std::string(as_text(kafka::payload_of(*message)));
    }
  }

  static constexpr std::size_t kFirstLife = 5'000;  // samples
  static constexpr std::size_t kSecondLife = 3'000;

  TempDir dir_;
  config::Config config_;
  std::string events_;
  std::string mappings_;
  std::string letters_;
  pipeline::FeatureSchema schema_;
  std::vector<pipeline::EventBatch> stream_;
  std::vector<std::vector<Id>> ids_;  // by table, which is by feature
  std::unique_ptr<kafka::KafkaEventProducer> producer_;
  std::vector<std::unique_ptr<client::Client>> clients_;
  std::vector<Served> served_;
};

TEST_F(EndToEnd, TrainersServeExactlyWhatTheEventsLeadTo) {
  const std::string poison = "\x03 not an access batch";
  poll_and_swap();  // they are there before the first version is
  constexpr std::size_t kFirst = kFirstLife / kPerMessage;
  send(0, kFirst, poison);
  const auto first = live_until(kFirstLife);
  ASSERT_EQ(first.size(), 3U);
  for (const Version version : first) EXPECT_GE(version, Version{3});
  send(kFirst, stream_.size());
  const auto second = live_until(kFirstLife + kSecondLife);
  ASSERT_EQ(second.size(), 3U);

  EXPECT_THAT(dead_letters(),
              ElementsAre(std::pair(fmt::format("{}/0/{}", events_, kFirst / 2), poison)));

  // Each table's versions came without a gap, across the restart, which has an epoch of its own.
  std::vector<std::uint64_t> next(clients_.size(), 1);
  for (const Served& served : served_) {
    const std::uint32_t t = served.table.value;
    EXPECT_EQ(served.manifest.info.version, Version{next[t]++});
    EXPECT_EQ(served.manifest.info.epoch,
              Epoch{served.manifest.info.version <= first[t] ? 1U : 2U});
  }
  for (std::size_t t = 0; t < next.size(); ++t) {
    EXPECT_EQ(Version{next[t] - 1}, second[t]);
    EXPECT_GT(second[t], first[t]);
    EXPECT_EQ(clients_[t]->stats().rejected, 0U) << clients_[t]->stats().last_problem;
  }

  // In the order in which they were built.
  std::stable_sort(served_.begin(), served_.end(), [](const Served& a, const Served& b) {
    return std::pair(a.manifest.built_samples, a.table) <
           std::pair(b.manifest.built_samples, b.table);
  });
  Reference reference(config_.engine_config().value(), stream_);
  for (const Served& served : served_) {
    SCOPED_TRACE(fmt::format("{} version {}", served.manifest.info.table,
                             served.manifest.info.version.value));
    const mapping::Mapping built = reference.build(served.table, served.manifest);
    EXPECT_EQ(served.manifest.content_hash, mapping::content_hash(built));
    const std::vector<Id>& ids = ids_[served.table.value];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(served.rows[i], built.lookup(ids[i])) << "id " << ids[i];
    }
  }
}

}  // namespace
}  // namespace remapd::application
