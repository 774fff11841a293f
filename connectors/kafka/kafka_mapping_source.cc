#include "connectors/kafka/kafka_mapping_source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/blob_assembly.h"
#include "connectors/kafka/blob_reader.h"
#include "connectors/kafka/damaged_stretch.h"
#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/kafka/record_log.h"
#include "connectors/kafka/table_history.h"
#include "connectors/kafka/topic_watch.h"

namespace remapd::kafka {

using mapping::BlobKind;
using mapping::Manifest;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kWatchInterval{10'000};
constexpr milliseconds kRangeTimeout{1'000};
// What is there already is taken in for at least this long by a poll, however short its timeout.
constexpr milliseconds kLeastWork{50};
constexpr std::size_t kMostOtherTables = 1'000;  // whose names are kept

}  // namespace

class KafkaMappingSource::Follower {
 public:
  explicit Follower(KafkaMappingSourceOptions options)
      : options_(std::move(options)),
        history_(options_.table),
        watch_(options_.topic, kWatchInterval) {}

  Result<void> connect() {
    auto client = KafkaClient::create(options_.settings, mapping_reader_role());
    if (!client) return fail(std::move(client).error());
    client_ = std::move(*client);
    return read_from_the_beginning();
  }

  Result<std::vector<Manifest>> poll(milliseconds timeout) {
    const auto begun = steady_clock::now();
    const auto deadline = begun + timeout;
    const auto work_deadline = begun + std::max(timeout, kLeastWork);
    (void)watch_.look(*client_, timeout);
    for (;;) {
      const MessageHandle message = client_->consume(left_until(deadline));
      if (message) {
        if (auto taken = take(*message); !taken) return fail(std::move(taken).error());
      }
      if (caught_up_ && !fresh_.empty()) {
        std::vector<Manifest> found = report();
        if (!found.empty()) return found;
      }
      const auto now = steady_clock::now();
      if (message ? now >= work_deadline : now >= deadline) break;
    }
    if (auto problem = watch_.problem(*client_)) return fail(std::move(*problem));
    return std::vector<Manifest>{};
  }

  Result<mapping::BlobPtr> fetch(const Manifest& manifest, BlobKind kind) {
    const auto& info = manifest.blob(kind);
    if (!info) {
      return fail(blob_error({ErrorCode::kNotFound, "its manifest names none"}, manifest, kind));
    }
    const BlobKey key{manifest.info.version, manifest.info.epoch, kind};
    if (const auto found = blobs_.find(key); found != blobs_.end()) return found->second;
    if (const auto found = assemblies_.find(key); found != assemblies_.end()) {
      auto blob = found->second.take(*info);
      assemblies_.erase(found);
      if (!blob) return fail(blob_error(std::move(blob).error(), manifest, kind));
      auto owned = std::make_shared<mapping::OwnedBlob>(std::move(*blob));
      blobs_.emplace(key, owned);
      return mapping::BlobPtr(std::move(owned));
    }
    return fetch_from_the_log(manifest, kind);
  }

  bool caught_up() const { return caught_up_; }
  const std::string& last_problem() const { return last_problem_; }

 private:
  using BlobKey = std::tuple<Version, Epoch, BlobKind>;

  Result<void> read_from_the_beginning() {
    history_ = TableHistory(options_.table);
    assemblies_.clear();
    fresh_.clear();
    caught_up_ = false;
    next_ = 0;
    damage_.reset();
    return read_from(RD_KAFKA_OFFSET_BEGINNING);
  }

  Result<void> read_from(std::int64_t offset) {
    const auto code = rd_kafka_assign(
        client_->get(), one_partition(options_.topic, kMappingPartition, offset).get());
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return fail(to_error(code, fmt::format("reading topic \"{}\"", options_.topic)));
  }

  // A batch is damaged in the broker's log: its chunks are missing, its manifest does not exist.
  Result<void> on_damage() {
    if (damage_) {
      damage_->probe_failed();
    } else {
      const auto range = client_->watermarks(options_.topic, kMappingPartition, kRangeTimeout);
      if (!range) return fail(range.error());
      damage_.emplace(std::max(next_, range->low));
    }
    return read_from(damage_->probe());
  }

  Result<void> on_readable_probe() {
    damage_->probe_succeeded();
    if (!damage_->found()) return read_from(damage_->probe());
    last_problem_ = damage_found(options_.topic, *damage_);
    next_ = damage_->end();
    damage_.reset();
    return read_from(next_);
  }

  Result<void> take(const rd_kafka_message_t& message) {
    if (tells_of_damage(message.err)) return on_damage();
    switch (message.err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        watch_.works(*client_);
        if (damage_) return on_readable_probe();
        take(log_record(message));
        next_ = message.offset + 1;
        return {};
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        watch_.works(*client_);
        if (damage_) return on_readable_probe();
        caught_up_ = true;
        // A source that had caught up before the first version reports all versions.
        if (history_.versions().empty()) from_the_first_ = true;
        look_for_the_table();
        return {};
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (damage_) return on_readable_probe();  // where nothing is yet, nothing is damaged
        last_problem_ =
            fmt::format("topic \"{}\" was deleted and made anew: reading it again", options_.topic);
        return read_from_the_beginning();
      default:
        watch_.note(to_error(message.err, fmt::format("topic \"{}\"", options_.topic)));
        return {};
    }
  }

  void take(const LogRecord& record) {
    const auto key = parse_record_key(record.key);
    if (!key) return;
    if (key->table != options_.table) {
      if (record.value && other_tables_.size() < kMostOtherTables) other_tables_.insert(key->table);
      return;
    }
    if (!record.value) {
      history_.apply(record.offset, *key, nullptr);
      return;
    }
    auto value = parse_record(*key, *record.value);
    if (!value) {
      history_.apply_damaged(*key);
      last_problem_ = fmt::format("topic \"{}\": {}", options_.topic, value.error().message);
      return;
    }
    switch (history_.apply(record.offset, *key, &*value)) {
      case TableHistory::Applied::kChunk:
        begin_attempt(key->version, key->epoch);
        assemblies_[{key->version, key->epoch, key->blob}].add(std::move(*value->mutable_chunk()));
        return;
      case TableHistory::Applied::kVersion:
        on_version(key->version);
        return;
      case TableHistory::Applied::kStale:
        if (key->kind == RecordKind::kManifest) {
          last_problem_ = fmt::format("record {} is of a stale epoch; {} is in force",
                                      to_string(*key), history_.epoch().value);
        }
        return;
      case TableHistory::Applied::kUnreadable:
        last_problem_ = fmt::format("topic \"{}\": record {} cannot be read, or is out of order",
                                    options_.topic, to_string(*key));
        return;
      case TableHistory::Applied::kNothing:
        return;
    }
  }

  // All of the topic is read: nobody has claimed the table, others have been.
  void look_for_the_table() {
    if (history_.epoch() != Epoch{} || history_.newest() != kNoVersion || other_tables_.empty()) {
      return;
    }
    last_problem_ = mapping::no_such_table(fmt::format("topic \"{}\"", options_.topic),
                                           options_.table, other_tables_);
  }

  // A publisher writes one version at a time: chunks of another one that never got its manifest are
  // left over from an attempt that failed.
  void begin_attempt(Version version, Epoch epoch) {
    if (attempt_ == std::pair(version, epoch)) return;
    attempt_ = {version, epoch};
    std::erase_if(assemblies_, [&](const auto& entry) {
      const Version of{std::get<Version>(entry.first)};
      const auto published = history_.versions().find(of);
      return published == history_.versions().end() ||
             published->second.manifest.info.epoch != std::get<Epoch>(entry.first);
    });
  }

  void on_version(Version version) {
    // An attempt that is made again, or replaced by its successor's, counts once.
    std::erase_if(fresh_, [&](Version earlier) { return earlier >= version; });
    if (version <= reported_) {
      drop_before(Version{version.value + 1});
      return;
    }
    fresh_.push_back(version);
    // Still reading what there is: nothing before a whole snapshot will be asked for.
    if (reported_ == kNoVersion && !from_the_first_ && has_whole_snapshot(version)) {
      drop_before(version);
      fresh_.assign(1, version);
    }
  }

  bool has_whole_snapshot(Version version) {
    const auto published = history_.versions().find(version);
    if (published == history_.versions().end()) return false;
    const Manifest& manifest = published->second.manifest;
    if (!manifest.blob(BlobKind::kSnapshot)) return false;
    const auto snapshot = assemblies_.find({version, manifest.info.epoch, BlobKind::kSnapshot});
    return snapshot != assemblies_.end() && snapshot->second.complete();
  }

  void drop_before(Version version) {
    const auto is_before = [&](const auto& entry) {
      return std::get<Version>(entry.first) < version;
    };
    std::erase_if(assemblies_, is_before);
    std::erase_if(blobs_, is_before);
  }

  std::vector<Manifest> report() {
    if (reported_ == kNoVersion && !from_the_first_) {
      // Deltas alone are of no use to who has nothing.
      while (!fresh_.empty() && !has_whole_snapshot(fresh_.front())) fresh_.erase(fresh_.begin());
    }
    std::vector<Manifest> found;
    for (const Version version : fresh_) {
      const auto published = history_.versions().find(version);
      if (published != history_.versions().end()) found.push_back(published->second.manifest);
    }
    if (!found.empty()) {
      drop_before(found.front().info.version);
      reported_ = found.back().info.version;
    }
    fresh_.clear();
    return found;
  }

  Result<mapping::BlobPtr> fetch_from_the_log(const Manifest& manifest, BlobKind kind) {
    const auto published = history_.versions().find(manifest.info.version);
    if (published == history_.versions().end() ||
        published->second.manifest.info.epoch != manifest.info.epoch) {
      return fail(
          blob_error({ErrorCode::kNotFound, "the publisher has deleted it"}, manifest, kind));
    }
    if (!log_) {
      auto log = RecordLog::create(options_.settings, options_.topic, options_.fetch_timeout);
      if (!log) return fail(std::move(log).error());
      log_ = std::move(*log);
    }
    return read_blob(*log_, published->second, kind);
  }

  const KafkaMappingSourceOptions options_;
  TableHistory history_;
  TopicWatch watch_;
  bool caught_up_ = false;
  bool from_the_first_ = false;           // there was no version yet when it had first caught up
  std::int64_t next_ = 0;                 // the offset to be read next
  std::optional<DamagedStretch> damage_;  // whose end is being looked for
  std::vector<Version> fresh_;            // in force, not reported yet; ascending
  Version reported_ = kNoVersion;
  std::pair<Version, Epoch> attempt_;  // whose chunks came last
  std::map<BlobKey, BlobAssembly> assemblies_;
  std::map<BlobKey, mapping::BlobPtr> blobs_;  // fetched
  std::set<std::string> other_tables_;         // of which there are records, too
  std::string last_problem_;
  std::unique_ptr<RecordLog> log_;
  std::unique_ptr<KafkaClient> client_;
};

KafkaMappingSource::KafkaMappingSource(std::unique_ptr<Follower> follower)
    : follower_(std::move(follower)) {}

KafkaMappingSource::~KafkaMappingSource() = default;

Result<std::unique_ptr<KafkaMappingSource>> KafkaMappingSource::create(
    KafkaMappingSourceOptions options) {
  if (options.table.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a mapping source follows one table: give its name");
  }
  auto follower = std::make_unique<Follower>(std::move(options));
  if (auto connected = follower->connect(); !connected) return fail(std::move(connected).error());
  return std::unique_ptr<KafkaMappingSource>(new KafkaMappingSource(std::move(follower)));
}

Result<std::vector<Manifest>> KafkaMappingSource::poll(milliseconds timeout) {
  return follower_->poll(timeout);
}

Result<mapping::BlobPtr> KafkaMappingSource::fetch(const Manifest& manifest, BlobKind kind) {
  return follower_->fetch(manifest, kind);
}

bool KafkaMappingSource::caught_up() const {
  return follower_->caught_up();
}

std::string_view KafkaMappingSource::last_problem() const {
  return follower_->last_problem();
}

}  // namespace remapd::kafka
