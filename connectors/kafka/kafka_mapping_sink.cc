#include "connectors/kafka/kafka_mapping_sink.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "connectors/kafka/blob_reader.h"
#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/kafka/record_log.h"
#include "connectors/kafka/table_history.h"
#include "connectors/kafka/topic_admin.h"
#include "connectors/proto/manifest_codec.h"
#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/hash.h"
#include "core/pipeline/failpoints.h"

namespace remapd::kafka {

using namespace std::chrono_literals;
using mapping::BlobKind;
using mapping::Manifest;
using mapping::Publication;
using std::chrono::steady_clock;

namespace {

constexpr int kClaimAttempts = 10;
constexpr std::int64_t kUnknownOffset = -2;
constexpr std::size_t kQueueBytes = std::size_t{32} << 20;

bool same_content(const Manifest& a, const Manifest& b) {
  return proto::to_proto(a).SerializeAsString() == proto::to_proto(b).SerializeAsString();
}

}  // namespace

class KafkaMappingSink::Publisher {
 public:
  explicit Publisher(KafkaMappingSinkOptions options) : options_(std::move(options)) {}

  Result<void> connect() {
    auto log = RecordLog::create(options_.settings, options_.topic, options_.timeout);
    if (!log) return fail(std::move(log).error());
    log_ = std::move(*log);
    return connect_producer();
  }

  Result<mapping::Tenure> examine(std::string_view table) {
    if (auto suits = check_topic(); !suits) return fail(std::move(suits).error());
    if (auto read = read_new(); !read) return fail(std::move(read).error());
    return tenure_of(table);
  }

  Result<mapping::Tenure> take_over(std::string_view table, std::string_view instance) {
    if (auto seen = examine(table); !seen) return seen;
    for (int attempt = 0; attempt < kClaimAttempts; ++attempt) {
      const Epoch epoch{history(table).epoch().value + 1};
      const auto holds = claim(table, epoch, instance);
      if (!holds) return fail(holds.error());
      if (!*holds) continue;  // too late
      held_.insert_or_assign(std::string(table),
                             Held{epoch, std::string(instance), history(table).claim_offset()});
      return tenure_of(table);
    }
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("topic \"{}\": others keep taking table {} over", options_.topic, table),
        /*retryable=*/true);
  }

  Result<void> publish(const Publication& publication) {
    const Manifest& manifest = publication.manifest;
    const std::string& table = manifest.info.table;
    const auto ours = held_.find(table);
    if (ours == held_.end() || ours->second.epoch != manifest.info.epoch) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("table {} has not been taken over with epoch {}", table,
                              manifest.info.epoch.value));
    }
    if (manifest.info.version == kNoVersion) {
      return fail(ErrorCode::kInvalidArgument, "versions start at 1");
    }
    if (auto fits = mapping::check_blobs(publication); !fits) return fits;
    // Before anything is sent, so that an instance that was overtaken does not fill the topic.
    if (auto current = still_ours(table); !current) return current;
    if (auto there = already_there(manifest)) return std::move(*there);

    for (const BlobKind kind : mapping::kAllBlobs) {
      if (const int error = failpoint(pipeline::failpoints::kPublishBlob); error != 0) {
        return fail(ErrorCode::kUnavailable, "a failpoint: broker unreachable", true);
      }
      const auto chunks = chunk_records(
          manifest, kind, publication.blobs[static_cast<std::size_t>(kind)], options_.chunk_bytes);
      if (auto sent = send(chunks); !sent) return fail(std::move(sent).error());
    }
    if (auto current = still_ours(table); !current) return current;

    failpoint(pipeline::failpoints::kPublishManifest);
    const Record record = manifest_record(manifest, options_.chunk_bytes);
    if (auto sent = send({&record, 1}); !sent) return fail(std::move(sent).error());
    // A claim written between the check and the manifest precedes the manifest in the log.
    if (auto read = read_new(); !read) return read;
    const auto& versions = history(table).versions();
    const auto published = versions.find(manifest.info.version);
    if (published == versions.end() ||
        published->second.manifest.info.epoch != manifest.info.epoch) {
      return fail(superseded(table));
    }
    failpoint(pipeline::failpoints::kPublishDone);
    retire(table);
    return {};
  }

  Result<mapping::BlobPtr> blob(std::string_view table, Version version, BlobKind kind) {
    if (auto read = read_new(); !read) return fail(std::move(read).error());
    const auto& versions = history(table).versions();
    const auto found = versions.find(version);
    if (found == versions.end() || !found->second.manifest.blob(kind)) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("topic \"{}\" has no {} of version {} of table {}, or it was removed",
                              options_.topic, mapping::to_string(kind), version.value, table));
    }
    return read_blob(*log_, found->second, kind);
  }

  const std::string& last_problem() const { return last_problem_; }

 private:
  Result<void> connect_producer() {
    ClientRole role;
    role.type = RD_KAFKA_PRODUCER;
    const std::uint64_t largest = options_.chunk_bytes + (std::uint64_t{64} << 10);
    role.defaults = {
        {"linger.ms", "0"},
        {"compression.type", "none"},  // mappings are dense: see docs/formats.md
        {"message.max.bytes", std::to_string(std::max<std::uint64_t>(largest, 1'000'000))},
        {"queue.buffering.max.kbytes", std::to_string((kQueueBytes + largest) / 1024)},
        {"message.timeout.ms", std::to_string(options_.timeout.count())},
    };
    static constexpr std::string_view kDurable =
        "a version counts as published only when all in-sync replicas have it";
    role.fixed = {{"acks", "all", kDurable},
                  {"enable.idempotence", "true", "records must keep their order when sent again"}};
    role.shares_properties = true;
    role.on_delivery = [](const rd_kafka_message_t& message) {
      static_cast<Delivery*>(message._private)->report(message);
    };
    producer_.reset();
    auto client = KafkaClient::create(options_.settings, std::move(role));
    if (!client) return fail(std::move(client).error());
    producer_ = std::move(*client);
    return {};
  }

  // An idempotent producer is spent once the broker has lost track of it.
  Result<void> revive_producer() {
    std::array<char, 8> ignored{};
    const auto fatal = rd_kafka_fatal_error(producer_->get(), ignored.data(), ignored.size());
    return fatal == RD_KAFKA_RESP_ERR_NO_ERROR ? Result<void>{} : connect_producer();
  }

  Result<void> check_topic() {
    if (topic_suits_) return {};
    const auto admin = TopicAdmin::create(
        options_.settings, std::min<std::chrono::milliseconds>(options_.timeout, kAnswerTimeout));
    if (!admin) return fail(admin.error());
    const auto state = (*admin)->inspect(options_.topic);
    if (!state) return fail(state.error());
    if (!state->exists) return fail(no_such_topic(options_.topic));
    const auto policy = state->config.find("cleanup.policy");
    if (policy != state->config.end() && policy->second.find("compact") == std::string::npos) {
      return fail(ErrorCode::kConfig,
                  fmt::format("topic \"{}\" (sink.kafka.topic) has cleanup.policy \"{}\": it would "
                              "lose mapping versions; set it to \"compact\"",
                              options_.topic, policy->second));
    }
    const auto found = objections(mapping_topic(options_.topic, options_.chunk_bytes), *state);
    if (!found.empty()) last_problem_ = found.front();
    topic_suits_ = true;
    return {};
  }

  // As its records say.
  mapping::Tenure tenure_of(std::string_view table) {
    const TableHistory& seen = history(table);
    mapping::Tenure tenure{.epoch = seen.epoch(), .last = std::nullopt, .newest = seen.newest()};
    if (!seen.versions().empty()) tenure.last = seen.versions().rbegin()->second.manifest;
    return tenure;
  }

  TableHistory& history(std::string_view table) {
    const auto found = histories_.find(table);
    if (found != histories_.end()) return found->second;
    return histories_.try_emplace(std::string(table), std::string(table)).first->second;
  }

  void apply(std::int64_t offset, const RecordKey& key, const v1::MappingRecord* value) {
    if (history(key.table).apply(offset, key, value) == TableHistory::Applied::kUnreadable) {
      last_problem_ = fmt::format("topic \"{}\": record {} cannot be read, or is out of order",
                                  options_.topic, to_string(key));
    }
  }

  void apply(const LogRecord& record) {
    const auto key = parse_record_key(record.key);
    if (!key) return;  // not ours
    if (!record.value) return apply(record.offset, *key, nullptr);
    const auto value = parse_record(*key, *record.value);
    if (!value) {
      history(key->table).apply_damaged(*key);
      last_problem_ = fmt::format("topic \"{}\": {}", options_.topic, value.error().message);
      return;
    }
    apply(record.offset, *key, &*value);
  }

  // Reads what has been written since the last time.
  Result<void> read_new() {
    const auto range = log_->range();
    if (!range) return fail(range.error());
    if (range->high < position_) {
      last_problem_ = fmt::format(
          "topic \"{}\": ends at offset {}, but was read up to {}: it was deleted and made anew",
          options_.topic, range->high, position_);
      histories_.clear();
      position_ = 0;
      topic_suits_ = false;
    }
    const std::int64_t from = std::max(position_, range->low);
    auto read = log_->read(from, range->high, [&](const LogRecord& record) {
      apply(record);
      position_ = record.offset + 1;
    });
    if (read) position_ = range->high;
    if (!log_->damage().empty()) last_problem_ = log_->damage();
    return read;
  }

  // Whether this claim is the one that holds the epoch; its records have been read then.
  Result<bool> claim(std::string_view table, Epoch epoch, std::string_view instance) {
    const Record record =
        claim_record(table, epoch, instance, unix_ms(std::chrono::system_clock::now()));
    const auto offsets = send({&record, 1});
    if (!offsets) return fail(offsets.error());
    if (auto read = read_new(); !read) return fail(std::move(read).error());
    const TableHistory& seen = history(table);
    return seen.epoch() == epoch && seen.claim_offset() == offsets->front();
  }

  Result<void> still_ours(const std::string& table) {
    if (auto read = read_new(); !read) return read;
    Held& ours = held_.at(table);
    if (history(table).epoch() < ours.epoch) {
      // Epochs never fall: the topic was made anew. Claimed again under the epoch it was held with,
      // a table stays with the last of those who took it over.
      if (auto suits = check_topic(); !suits) return suits;
      ours.claim_offset = kUnknownOffset;  // also should the claim arrive without our being told
      if (const auto sent = claim(table, ours.epoch, ours.instance); !sent) {
        return fail(sent.error());
      }
    }
    const TableHistory& seen = history(table);
    if (ours.claim_offset == kUnknownOffset && seen.holder() == ours.instance) {
      ours.claim_offset = seen.claim_offset();
    }
    if (seen.epoch() == ours.epoch && seen.claim_offset() == ours.claim_offset) return {};
    return fail(superseded(table));
  }

  Error superseded(const std::string& table) {
    const TableHistory& seen = history(table);
    return {ErrorCode::kConflict,
            fmt::format("topic \"{}\": instance {} has taken table {} over with epoch {} (ours is "
                        "{})",
                        options_.topic, seen.holder().empty() ? "(unknown)" : seen.holder(), table,
                        seen.epoch().value, held_.at(table).epoch.value),
            false};
  }

  // The outcome of publishing, when the version number is in use.
  std::optional<Result<void>> already_there(const Manifest& manifest) {
    const TableHistory& seen = history(manifest.info.table);
    if (manifest.info.version > seen.newest()) return std::nullopt;
    const auto found = seen.versions().find(manifest.info.version);
    // An earlier attempt arrived without our being told.
    if (found != seen.versions().end() && same_content(found->second.manifest, manifest)) {
      return Result<void>{};
    }
    return Result<void>(fail(
        ErrorCode::kConflict,
        fmt::format("topic \"{}\": version {} of table {} cannot be published: version {} is there "
                    "already",
                    options_.topic, manifest.info.version.value, manifest.info.table,
                    seen.newest().value)));
  }

  // What became of the records of one send().
  struct Delivery {
    std::size_t waiting = 0;
    std::vector<std::int64_t> offsets;
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;

    void report(const rd_kafka_message_t& message) {
      --waiting;
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        offsets.push_back(message.offset);
      } else if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failure = message.err;
      }
    }
  };

  // Delivered to all in-sync replicas on success; the offsets, in the order of the records.
  Result<std::vector<std::int64_t>> send(std::span<const Record> records) {
    if (auto ready = revive_producer(); !ready) return fail(std::move(ready).error());
    Delivery delivery;
    rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (const Record& record : records) {
      refused = produce(record, delivery);
      if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) break;
      ++delivery.waiting;
    }
    // Each record is delivered or given up within message.timeout.ms: this ends.
    while (delivery.waiting > 0) producer_->poll(100ms);
    const auto failure =
        delivery.failure != RD_KAFKA_RESP_ERR_NO_ERROR ? delivery.failure : refused;
    if (failure == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      return fail(ErrorCode::kConfig,
                  fmt::format("topic \"{}\" does not take messages of {} bytes: lower "
                              "sink.kafka.chunk_bytes or raise the topic's max.message.bytes",
                              options_.topic, options_.chunk_bytes));
    }
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Error error = reason_of(failure);
      error.retryable = error.code != ErrorCode::kConfig;  // a spent producer is replaced
      producer_->clear_trouble();
      return fail(std::move(error));
    }
    producer_->clear_trouble();
    take_account(records, delivery.offsets);
    return delivery.offsets;
  }

  // A spent producer says "fatal error" of every record; why is said only here.
  Error reason_of(rd_kafka_resp_err_t failure) const {
    const std::string what = fmt::format("writing topic \"{}\"", options_.topic);
    std::array<char, 512> text{};
    const auto fatal = rd_kafka_fatal_error(producer_->get(), text.data(), text.size());
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return to_error(fatal, fmt::format("{}: {}", what, text.data()));
    }
    return producer_->trouble() ? *producer_->trouble() : to_error(failure, what);
  }

  rd_kafka_resp_err_t produce(const Record& record, Delivery& delivery) {
    const std::string key = to_string(record.key);
    std::string value;
    if (record.value) value = record.value->SerializeAsString();
    char* const data = record.value ? value.data() : nullptr;  // null: a tombstone
    for (;;) {
      const auto code = rd_kafka_producev(
          producer_->get(), RD_KAFKA_V_TOPIC(options_.topic.c_str()),
          RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(kMappingPartition)),
          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
          RD_KAFKA_V_VALUE(data, value.size()), RD_KAFKA_V_OPAQUE(&delivery), RD_KAFKA_V_END);
      // The queue holds a few chunks; the rest wait for those to be delivered or given up.
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return code;
      producer_->poll(20ms);
    }
  }

  // If our records follow what was read, with nothing of others between, they need not be read
  // back.
  void take_account(std::span<const Record> records, std::span<const std::int64_t> offsets) {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (offsets[i] != position_ + static_cast<std::int64_t>(i)) return;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto& value = records[i].value;
      apply(offsets[i], records[i].key, value ? &*value : nullptr);
    }
    position_ += static_cast<std::int64_t>(records.size());
  }

  void retire(const std::string& table) {
    std::vector<Record> tombstones;
    for (RecordKey& key : history(table).obsolete(options_.retain_versions)) {
      tombstones.push_back({.key = std::move(key), .value = std::nullopt});
    }
    if (auto sent = send(tombstones); !sent) {
      last_problem_ = "old versions could not be deleted: " + sent.error().message;
    }
  }

  const KafkaMappingSinkOptions options_;
  std::unique_ptr<RecordLog> log_;
  std::int64_t position_ = 0;  // all records before it have been applied
  std::map<std::string, TableHistory, std::less<>> histories_;
  struct Held {
    Epoch epoch;
    std::string instance;
    std::int64_t claim_offset;
  };
  std::map<std::string, Held, std::less<>> held_;  // by table: what we took over
  bool topic_suits_ = false;
  std::string last_problem_;
  std::unique_ptr<KafkaClient> producer_;
};

KafkaMappingSink::KafkaMappingSink(std::unique_ptr<Publisher> publisher)
    : publisher_(std::move(publisher)) {}

KafkaMappingSink::~KafkaMappingSink() = default;

Result<std::unique_ptr<KafkaMappingSink>> KafkaMappingSink::create(
    KafkaMappingSinkOptions options) {
  if (options.chunk_bytes < 1024 || options.chunk_bytes > std::uint64_t{64} << 20) {
    return fail(ErrorCode::kConfig, "sink.kafka.chunk_bytes: must be 1 KiB to 64 MiB");
  }
  if (options.retain_versions == 0) {
    return fail(ErrorCode::kConfig, "sink.retain_versions: must be at least 1");
  }
  auto publisher = std::make_unique<Publisher>(std::move(options));
  if (auto connected = publisher->connect(); !connected) {
    return fail(std::move(connected).error());
  }
  return std::unique_ptr<KafkaMappingSink>(new KafkaMappingSink(std::move(publisher)));
}

Result<mapping::Tenure> KafkaMappingSink::examine(std::string_view table) {
  return publisher_->examine(table);
}

Result<mapping::Tenure> KafkaMappingSink::take_over(std::string_view table,
                                                    std::string_view instance) {
  return publisher_->take_over(table, instance);
}

Result<void> KafkaMappingSink::publish(const Publication& publication) {
  return publisher_->publish(publication);
}

Result<mapping::BlobPtr> KafkaMappingSink::snapshot(std::string_view table, Version version) {
  return publisher_->blob(table, version, BlobKind::kSnapshot);
}

Result<mapping::BlobPtr> KafkaMappingSink::delta(std::string_view table, Version version) {
  return publisher_->blob(table, version, BlobKind::kDelta);
}

const std::string& KafkaMappingSink::last_problem() const {
  return publisher_->last_problem();
}

}  // namespace remapd::kafka
