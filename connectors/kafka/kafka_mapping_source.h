// KafkaMappingSource: the mapping versions of one table from the topic that a KafkaMappingSink
// writes (docs/formats.md "Kafka topics").
//
// Reads the topic from its beginning, once, then follows it; one that had caught up before the
// first version reports all of them. Records of other tables are passed over. Chunks are checked as
// they come and kept until the version they belong to has been fetched or a later poll() reports
// newer versions; fetch() of an older one reads its part of the topic again. Manifests of stale
// epochs, and versions whose chunks are not all there, are left out: last_problem() tells.
//
// A broker that cannot be reached, or a topic that does not exist yet, is a retryable error of
// poll(), given after its timeout; reading goes on by itself. If the topic is deleted and made anew
// it is read from its beginning; versions not newer than those reported are left out.
//
// Not thread safe: one caller at a time. Memory: the blobs of the versions of one poll() (the first
// one: from the newest snapshot onwards) and of the one being received.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/kafka_settings.h"
#include "core/mapping/mapping_source.h"

namespace remapd::kafka {

struct KafkaMappingSourceOptions {
  KafkaSettings settings;
  std::string topic;
  std::string table;
  std::chrono::milliseconds fetch_timeout{30'000};  // of fetch(), without progress
};

class KafkaMappingSource final : public mapping::MappingSource {
 public:
  // Does not need the brokers to be up. kConfig naming the property that librdkafka refuses.
  static Result<std::unique_ptr<KafkaMappingSource>> create(KafkaMappingSourceOptions options);
  ~KafkaMappingSource() override;

  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds timeout) override;
  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest,
                                 mapping::BlobKind kind) override;

  bool caught_up() const override;

  // Of a record or version passed over; or that the topic has other tables only.
  std::string_view last_problem() const override;

 private:
  class Follower;
  explicit KafkaMappingSource(std::unique_ptr<Follower> follower);
  std::unique_ptr<Follower> follower_;
};

}  // namespace remapd::kafka
