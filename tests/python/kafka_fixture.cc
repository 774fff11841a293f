// Publishes versions of a random chain to a Kafka topic for the Python tests, well or badly.
//
//   kafka_fixture BROKERS TOPIC RETAIN
//
// makes the topic, takes the table over, and does what each line of standard input says, answering
// with one line:
//
//   publish V     version V of the chain, as it should be; answers what C++ looks up in it, as
//                 python_fixture does (so do the next two)
//   delta V       the same without a snapshot
//   back V OF     version V has the content of version OF again
//   damaged V     its blobs are not those that its manifest names
//   torn V        the last chunk of each of its blobs is missing
//   forget V      more of the chain from V on, until compaction has left nothing of versions
//                 before V; answers the newest
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_mapping_sink.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/kafka/record_log.h"
#include "connectors/kafka/topic_admin.h"
#include "core/base/check.h"
#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::client {
namespace {

using mapping::BlobKind;
using namespace std::chrono_literals;

constexpr std::size_t kVersions = 60;
constexpr std::uint64_t kChunkBytes = 8 << 10;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Publisher {
 public:
  Publisher(std::string brokers, std::string topic, std::uint32_t retain)
      : topic_(std::move(topic)), chain_(make_chain(kVersions, 31)) {
    settings_.brokers = std::move(brokers);
    auto admin = must(kafka::TopicAdmin::create(settings_));
    kafka::TopicSpec spec = kafka::mapping_topic(topic_, kChunkBytes);
    // Compacted as soon as a segment is full.
    spec.config["min.compaction.lag.ms"] = "0";
    spec.config["delete.retention.ms"] = "0";
    spec.config["min.cleanable.dirty.ratio"] = "0.01";
    spec.config["segment.bytes"] = "100000";
    must(admin->create_topic(spec));
    sink_ = must(kafka::KafkaMappingSink::create({.settings = settings_,
                                                  .topic = topic_,
                                                  .chunk_bytes = kChunkBytes,
                                                  .retain_versions = retain,
                                                  .timeout = 10s}));
    set_epoch(chain_, must(sink_->take_over(chain_[0].mapping.info.table, "fixture")).epoch);
    kafka::ClientRole role;
    role.on_delivery = [](const rd_kafka_message_t&) {};
    raw_ = must(kafka::KafkaClient::create(settings_, role));
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::size_t version = 0, of = 0;
    words >> what >> version >> of;
    REMAPD_CHECK(version >= 1 && version <= kVersions, "a version of the chain");
    ChainLink& link = chain_[version - 1];
    if (what == "publish") {
      publish(link);
    } else if (what == "delta") {
      publish(without_snapshot(link));
    } else if (what == "back") {
      REMAPD_CHECK(version >= 2 && of >= 1 && of < version, "back to an earlier version");
      link = rolled_back(chain_[version - 2], chain_[of - 1]);
      publish(link);
    } else if (what == "damaged" || what == "torn") {
      publish_badly(link, what == "torn");
      std::printf("done\n");
    } else if (what == "forget") {
      std::printf("%zu\n", forget(version));
    } else {
      std::fprintf(stderr, "what is \"%s\"?\n", line.c_str());
      std::exit(2);
    }
    std::fflush(stdout);
  }

 private:
  static ChainLink without_snapshot(ChainLink link) {
    const auto snapshot = static_cast<std::size_t>(BlobKind::kSnapshot);
    link.publication.manifest.blobs[snapshot].reset();
    link.publication.blobs[snapshot].clear();
    return link;
  }

  void publish(const ChainLink& link) {
    must(sink_->publish(link.publication));
    Random random(link.mapping.info.version.value);
    std::vector<Id> ids = link.mapping.ids;
    for (int i = 0; i < 500; ++i) ids.push_back(random.next());
    std::printf("%llu", static_cast<unsigned long long>(link.mapping.info.version.value));
    for (const Id id : ids) {
      std::printf(" %llu:%u", static_cast<unsigned long long>(id), link.mapping.lookup(id).value);
    }
    std::printf("\n");
  }

  // Record by record: a sink would refuse. The plan is sound.
  void publish_badly(const ChainLink& link, bool torn) {
    for (std::size_t k = 0; k < mapping::kBlobKinds; ++k) {
      const auto kind = static_cast<BlobKind>(k);
      Bytes blob = link.publication.blobs[k];
      const bool bad = kind != BlobKind::kPlan && !blob.empty();
      if (bad && !torn) blob[blob.size() / 2] ^= std::byte{1};
      auto chunks = kafka::chunk_records(link.publication.manifest, kind, blob, kChunkBytes);
      if (bad && torn) chunks.pop_back();
      for (const kafka::Record& chunk : chunks) send(chunk);
    }
    send(kafka::manifest_record(link.publication.manifest, kChunkBytes));
    REMAPD_CHECK(rd_kafka_flush(raw_->get(), 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR,
                 "the records are delivered");
  }

  void send(const kafka::Record& record) {
    const std::string key = to_string(record.key);
    std::string value = record.value->SerializeAsString();
    REMAPD_CHECK(
        rd_kafka_producev(raw_->get(), RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(key.data(), key.size()),
                          RD_KAFKA_V_VALUE(value.data(), value.size()),
                          RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR,
        "the record can be sent");
  }

  std::size_t forget(std::size_t from) {
    std::size_t newest = from;
    must(sink_->publish(chain_[newest - 1].publication));
    // The cleaner leaves the newest segment alone: more versions fill it.
    while (has_versions_before(Version{from})) {
      REMAPD_CHECK(newest < kVersions, "the topic is compacted before the chain is at its end");
      must(sink_->publish(chain_[newest++].publication));
      std::this_thread::sleep_for(500ms);
    }
    return newest;
  }

  bool has_versions_before(Version version) {
    auto log = must(kafka::RecordLog::create(settings_, topic_, 10s));
    const auto range = must(log->range());
    bool found = false;
    must(log->read(range.low, range.high, [&](const kafka::LogRecord& record) {
      const auto key = kafka::parse_record_key(record.key);
      found |=
          record.value && key && key->kind != kafka::RecordKind::kClaim && key->version < version;
    }));
    return found;
  }

  const std::string topic_;
  std::vector<ChainLink> chain_;
  kafka::KafkaSettings settings_;
  std::unique_ptr<kafka::KafkaMappingSink> sink_;
  std::unique_ptr<kafka::KafkaClient> raw_;
};

}  // namespace
}  // namespace remapd::client

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: kafka_fixture BROKERS TOPIC RETAIN\n", stderr);
    return 2;
  }
  remapd::client::Publisher publisher(argv[1], argv[2],
                                      static_cast<std::uint32_t>(std::atoi(argv[3])));
  std::string line;
  while (std::getline(std::cin, line)) publisher.obey(line);
  return 0;
}
