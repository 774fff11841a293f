// KafkaMappingSink: mapping versions on a compacted Kafka topic (docs/formats.md "Kafka topics").
//
// A version is its chunks, then its manifest: the manifest is sent only when all in-sync replicas
// have the chunks, so a version exists, whole, when its manifest does. All records are in partition
// 0, which gives one order for everybody.
//
// Who may publish is decided by that order: taking a table over writes a claim of the next epoch
// and counts only if no other claim of that epoch stands before it. Before it sends chunks, before
// the manifest and after it the sink reads what others have written since; a higher epoch ends its
// tenure. An instance that stalls between check and manifest writes a record that stands after the
// higher claim, and every reader ignores it; keys contain the epoch, so that compaction does not
// let it replace anything either.
//
// A topic that was deleted and made anew knows no claims: whoever publishes next claims the table
// again under the epoch it has, so that the last who took it over prevails there, too.
//
// After a publish the records of old versions are deleted (tombstones), manifests first, except
// those of the newest `retain_versions`, and never those of the newest version with a snapshot nor
// what comes after it.
//
// Not thread safe. The first take_over() reads the topic once; later calls read what others wrote.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "connectors/kafka/kafka_settings.h"
#include "core/mapping/mapping_sink.h"

namespace remapd::kafka {

struct KafkaMappingSinkOptions {
  KafkaSettings settings;
  std::string topic;
  std::uint64_t chunk_bytes = std::uint64_t{512} << 10;  // 1 KiB .. 64 MiB
  std::uint32_t retain_versions = 16;                    // of each table, >= 1
  // How long one step may take: reading to the end without progress, or delivering what was sent.
  std::chrono::milliseconds timeout{30'000};
};

class KafkaMappingSink final : public mapping::MappingSink {
 public:
  // Does not need the brokers to be up. kConfig naming the property that librdkafka refuses.
  static Result<std::unique_ptr<KafkaMappingSink>> create(KafkaMappingSinkOptions options);
  ~KafkaMappingSink() override;

  // Both: kUnavailable (also without the right to read or write) and kNotFound (no such topic),
  // both retryable; kConfig when the topic cannot hold versions (it is not compacted).
  Result<mapping::Tenure> examine(std::string_view table) override;
  Result<mapping::Tenure> take_over(std::string_view table, std::string_view instance) override;

  // kConflict: another instance has taken the table over, or the version is there already with
  // another content. kUnavailable (retryable): the same publication may be tried again, also when
  // it is not known whether the manifest arrived. kConfig: a chunk is larger than the topic takes.
  Result<void> publish(const mapping::Publication& publication) override;

  // kCorrupt when the bytes are not those the manifest names.
  Result<mapping::BlobPtr> snapshot(std::string_view table, Version version) override;
  Result<mapping::BlobPtr> delta(std::string_view table, Version version) override;

  // The last thing that went wrong without keeping a version from being published: a damaged
  // record, tombstones that could not be sent. Empty: nothing.
  const std::string& last_problem() const;

 private:
  class Publisher;
  explicit KafkaMappingSink(std::unique_ptr<Publisher> publisher);
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace remapd::kafka
