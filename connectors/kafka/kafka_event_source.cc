#include "connectors/kafka/kafka_event_source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/client_statistics.h"
#include "connectors/kafka/damaged_stretch.h"
#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/topic_watch.h"
#include "core/base/check.h"

namespace remapd::kafka {

using namespace std::chrono_literals;
using pipeline::EventBatch;
using pipeline::PollOutcome;
using pipeline::StreamOffsets;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kRangeTimeout{1'000};
constexpr milliseconds kCommitPatience{2'000};
constexpr milliseconds kAnswerPoll{20};

ClientRole consumer_role(const std::string& group) {
  ClientRole role;
  role.type = RD_KAFKA_CONSUMER;
  role.defaults = {
      {"queued.max.messages.kbytes", "32768"},
      {"fetch.wait.max.ms", "100"},
      {"check.crcs", "true"},
      {"statistics.interval.ms", "5000"},
  };
  static constexpr std::string_view kOwnOffsets =
      "the checkpoint, not the group, decides where reading goes on";
  role.fixed = {
      {"group.id", group, "the group is set by source.kafka.group"},
      {"enable.auto.commit", "false", kOwnOffsets},
      {"enable.auto.offset.store", "false", kOwnOffsets},
      {"auto.offset.reset", "error", "it is set by source.kafka.start and out_of_range"},
      {"enable.partition.eof", "true", "it tells of control records at the end of a partition"},
      {"allow.auto.create.topics", "false", "a mistyped topic must be found out"},
  };
  return role;
}

}  // namespace

class KafkaEventSource::Reader {
 public:
  Reader(KafkaEventSourceOptions options, std::size_t features,
         std::unique_ptr<decode::EventDecoder> decoder, pipeline::DeadLetterSink* dead_letters)
      : options_(std::move(options)),
        features_(features),
        decoder_(std::move(decoder)),
        dead_letters_(dead_letters),
        watch_(options_.topic, options_.metadata_interval) {}

  ~Reader() {
    if (!client_) return;
    next_message_.reset();  // before the client it is of
    rd_kafka_assign(client_->get(), nullptr);
    const auto deadline = steady_clock::now() + kCommitPatience;
    while (commits_under_way_ > 0 && steady_clock::now() < deadline) {
      (void)client_->consume(20ms);  // serves the commit callback
    }
  }

  Result<void> connect() {
    ClientRole role = consumer_role(options_.group);
    role.on_commit = [this](rd_kafka_resp_err_t code) {
      --commits_under_way_;
      // Nothing new to commit is no failure.
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        commit_failure_ =
            to_error(code, fmt::format("committing offsets of group \"{}\"", options_.group));
      }
    };
    role.on_statistics = [this](std::string_view json) {
      counters_.brokers = parse_statistics(json);
    };
    auto client = KafkaClient::create(options_.settings, std::move(role));
    if (!client) return fail(std::move(client).error());
    client_ = std::move(*client);
    return {};
  }

  Result<void> start(const StreamOffsets& from) {
    stop_reading();
    const auto count = client_->partition_count(options_.topic, options_.request_timeout);
    if (!count) return fail(count.error());
    std::vector<std::int64_t> next(*count, 0);
    if (from.empty()) {
      auto ends =
          client_->log_ends(options_.topic, *count,
                            options_.start == StartAt::kEarliest ? KafkaClient::LogEnd::kBeginning
                                                                 : KafkaClient::LogEnd::kEnd,
                            options_.request_timeout);
      if (!ends) return fail(std::move(ends).error());
      next = std::move(*ends);
    }
    for (const pipeline::PartitionOffset& position : from) {
      if (position.partition < *count) {
        next[position.partition] = std::max<std::int64_t>(position.next_offset, 0);
        continue;
      }
      if (auto tolerated = partition_vanished(position.partition, *count); !tolerated) {
        return tolerated;
      }
    }
    next_ = std::move(next);
    watch_.restart();
    auto begun = assign().and_then([&] { return await_first_answer(); });
    if (!begun) stop_reading();
    return begun;
  }

  Result<PollOutcome> poll(EventBatch& into, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    into.reset(features_);
    if (letter_failure_) return fail(*std::exchange(letter_failure_, std::nullopt));
    if (ended_) return fail(*ended_);
    REMAPD_CHECK(started_, "start() comes before poll()");
    do {
      if (auto kept_up = keep_up(timeout); !kept_up) return fail(kept_up.error());
      MessageHandle message =
          next_message_ ? std::move(next_message_) : client_->consume(left_until(deadline));
      if (!message) continue;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_error(*message);
      } else if (take(*message, into)) {
        return PollOutcome::kBatch;
      }
      if (decoder_trouble_) {
        next_message_ = std::move(message);
        return fail(*std::exchange(decoder_trouble_, std::nullopt));
      }
      if (letter_failure_) return fail(*std::exchange(letter_failure_, std::nullopt));
    } while (steady_clock::now() < deadline);
    if (auto problem = watch_.problem(*client_)) return fail(std::move(*problem));
    return PollOutcome::kIdle;
  }

  StreamOffsets offsets() const {
    StreamOffsets offsets;
    offsets.reserve(next_.size());
    for (std::uint32_t p = 0; p < next_.size(); ++p) offsets.push_back({p, next_[p]});
    return offsets;
  }

  Result<void> commit(const StreamOffsets& offsets) {
    if (!offsets.empty()) {
      const PartitionListHandle list(
          rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
      for (const pipeline::PartitionOffset& position : offsets) {
        rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(),
                                          static_cast<std::int32_t>(position.partition))
            ->offset = position.next_offset;
      }
      const auto code = rd_kafka_commit(client_->get(), list.get(), /*async=*/1);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(to_error(code, "committing offsets"));
      }
      ++commits_under_way_;
    }
    if (commit_failure_) return fail(*std::exchange(commit_failure_, std::nullopt));
    return {};
  }

  pipeline::SourceCounters counters() const {
    pipeline::SourceCounters counters = counters_;
    for (std::uint32_t p = 0; p < next_.size(); ++p) {
      Watermarks marks;
      const auto code =
          rd_kafka_get_watermark_offsets(client_->get(), options_.topic.c_str(),
                                         static_cast<std::int32_t>(p), &marks.low, &marks.high);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR || marks.high < 0) continue;  // nothing fetched yet
      const std::int64_t ahead = std::max<std::int64_t>(marks.high - next_[p], 0);
      counters.lag.push_back({p, static_cast<std::uint64_t>(ahead)});
    }
    return counters;
  }

  std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }

 private:
  void stop_reading() {
    rd_kafka_assign(client_->get(), nullptr);
    started_ = false;
    next_message_.reset();
    out_of_range_.clear();
    damaged_.clear();
    ended_.reset();
  }

  // Everything at once, at the positions reached: what librdkafka had fetched ahead is dropped and
  // fetched again. Needed seldom: at the start, for new partitions, after an offset was out of
  // range.
  Result<void> assign() {
    const PartitionListHandle list(
        rd_kafka_topic_partition_list_new(static_cast<int>(next_.size())));
    for (std::uint32_t p = 0; p < next_.size(); ++p) {
      rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(),
                                        static_cast<std::int32_t>(p))
          ->offset = position(p);
    }
    const auto code = rd_kafka_assign(client_->get(), list.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(to_error(code, fmt::format("reading topic \"{}\"", options_.topic)));
    }
    started_ = true;
    return {};
  }

  // That the topic can be read, rights included, shows when the brokers answer a fetch: of any
  // partition, for the leader of another may be away. A message that came with it is kept for
  // poll().
  Result<void> await_first_answer() {
    const auto deadline = steady_clock::now() + options_.request_timeout;
    while (steady_clock::now() < deadline) {
      MessageHandle message = client_->consume(kAnswerPoll);
      if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        next_message_ = std::move(message);
        return {};
      }
      if (message) on_error(*message);
      if (!out_of_range_.empty()) return move_into_range();
      if (auto problem = watch_.problem(*client_)) return fail(std::move(*problem));
      if (message || !counters().lag.empty()) return {};
    }
    return fail(ErrorCode::kUnavailable,
                fmt::format("topic \"{}\": no broker has answered for any of its partitions",
                            options_.topic),
                true);
  }

  std::int64_t position(std::uint32_t partition) const {
    const auto damage = damaged_.find(partition);
    return damage == damaged_.end() ? next_[partition] : damage->second.probe();
  }

  Result<void> partition_vanished(std::uint32_t partition, std::uint32_t count) {
    std::string finding = fmt::format(
        "topic \"{}\" has {} partitions, but partition {} was read before: it was deleted and "
        "made anew, or is another topic",
        options_.topic, count, partition);
    if (options_.out_of_range == OutOfRange::kStop) {
      ended_ = Error{ErrorCode::kConflict, finding + " (source.kafka.out_of_range is \"stop\")"};
      return fail(*ended_);
    }
    notices_.push_back(std::move(finding));
    return {};
  }

  // What is due beside reading: partitions out of range, partitions added, trouble that has passed.
  Result<void> keep_up(milliseconds patience) {
    if (!out_of_range_.empty()) {
      if (auto moved = move_into_range(); !moved) return moved;
    }
    if (std::exchange(probed_, false)) {
      if (auto searched = search_behind_damage(); !searched) {
        probed_ = true;
        return searched;
      }
    }
    const auto count = watch_.look(*client_, patience);
    if (!count) return {};
    if (*count == next_.size()) return {};
    for (std::uint32_t p = *count; p < next_.size(); ++p) {
      if (auto tolerated = partition_vanished(p, *count); !tolerated) return tolerated;
    }
    for (auto p = static_cast<std::uint32_t>(next_.size()); p < *count; ++p) {
      notices_.push_back(fmt::format("topic \"{}\" has a new partition, {}", options_.topic, p));
    }
    next_.resize(*count, 0);
    std::erase_if(damaged_, [&](const auto& damage) { return damage.first >= *count; });
    return assign();
  }

  // What lies between the last message and the end is nothing to read: control records of
  // transactions, or what compaction has left.
  void on_end(const rd_kafka_message_t& message) {
    const auto partition = static_cast<std::uint32_t>(message.partition);
    if (partition >= next_.size() || damaged_.contains(partition)) return;
    next_[partition] = std::max(next_[partition], message.offset);
  }

  void on_error(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return on_end(message);
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      const auto partition = static_cast<std::uint32_t>(message.partition);
      if (partition < next_.size()) out_of_range_.push_back(partition);
      return;
    }
    if (tells_of_damage(message.err)) {
      on_damage(static_cast<std::uint32_t>(message.partition));
      return;
    }
    watch_.note(to_error(message.err, fmt::format("topic \"{}\"", options_.topic)));
  }

  Result<void> move_into_range() {
    std::sort(out_of_range_.begin(), out_of_range_.end());
    out_of_range_.erase(std::unique(out_of_range_.begin(), out_of_range_.end()),
                        out_of_range_.end());
    while (!out_of_range_.empty()) {
      const std::uint32_t p = out_of_range_.back();
      if (p < next_.size()) {
        const auto marks = client_->watermarks(options_.topic, p, kRangeTimeout);
        if (!marks) return fail(marks.error());
        if (next_[p] < marks->low || next_[p] > marks->high) {
          damaged_.erase(p);
          if (auto moved = move_into(p, *marks); !moved) return moved;
        }
      }
      out_of_range_.pop_back();
    }
    return assign();
  }

  Result<void> move_into(std::uint32_t partition, const Watermarks& marks) {
    std::int64_t& next = next_[partition];
    const std::string finding = fmt::format(
        "topic \"{}\", partition {}: offset {} does not exist, the log reaches from {} "
        "to {}",
        options_.topic, partition, next, marks.low, marks.high);
    if (options_.out_of_range == OutOfRange::kStop) {
      ended_ = Error{ErrorCode::kConflict,
                     finding +
                         ": set source.kafka.out_of_range to \"earliest\" or \"latest\" to "
                         "go on, or remove the checkpoints to begin anew"};
      return fail(*ended_);
    }
    const std::int64_t to = options_.out_of_range == OutOfRange::kEarliest ? marks.low : marks.high;
    // A log that ends before the offset is a new one: of that, all before `to` is skipped.
    const std::int64_t lost = next < marks.low ? to - next : to;
    counters_.lost_events += static_cast<std::uint64_t>(lost);
    notices_.push_back(fmt::format("{}: goes on at {}, {} messages lost", finding, to, lost));
    next = to;
    return {};
  }

  // A batch fails its checksum: the broker's log is damaged. Everything before it has been read.
  void on_damage(std::uint32_t partition) {
    if (partition >= next_.size()) return;
    const auto [damage, is_new] = damaged_.try_emplace(partition, next_[partition]);
    if (!is_new) {
      damage->second.probe_failed();
    } else if (options_.out_of_range == OutOfRange::kStop) {
      ended_ = Error{ErrorCode::kConflict, damage_at(partition, next_[partition]) +
                                               " (source.kafka.out_of_range is \"stop\")"};
    }
    probed_ = true;
  }

  std::string damage_at(std::uint32_t partition, std::int64_t offset) const {
    return fmt::format(
        "topic \"{}\", partition {}: the log of the broker is damaged from offset {} on",
        options_.topic, partition, offset);
  }

  // After a probe: the next one, or where it has turned out that reading can go on.
  Result<void> search_behind_damage() {
    for (auto at = damaged_.begin(); at != damaged_.end();) {
      auto& [partition, damage] = *at;
      const auto marks = client_->watermarks(options_.topic, partition, kRangeTimeout);
      if (!marks) return fail(marks.error());
      // Where nothing is yet, nothing is damaged.
      while (!damage.found() && damage.probe() >= marks->high) damage.probe_succeeded();
      const bool latest = options_.out_of_range == OutOfRange::kLatest;
      if (!latest && !damage.found()) {
        ++at;
        continue;
      }
      const std::int64_t to = latest ? marks->high : damage.end();
      const std::int64_t lost = to - damage.first();
      counters_.lost_events += static_cast<std::uint64_t>(lost);
      notices_.push_back(fmt::format("{}: goes on at {}, {} messages lost",
                                     damage_at(partition, damage.first()), to, lost));
      next_[partition] = to;
      at = damaged_.erase(at);
    }
    return assign();
  }

  // Whether `into` holds a batch now. Where decoder_trouble_ is set the message is not read yet.
  bool take(const rd_kafka_message_t& message, EventBatch& into) {
    const auto partition = static_cast<std::uint32_t>(message.partition);
    if (partition >= next_.size() || message.offset < next_[partition]) return false;
    watch_.works(*client_);
    if (const auto damage = damaged_.find(partition); damage != damaged_.end()) {
      damage->second.probe_succeeded();  // the message itself comes again
      probed_ = true;
      return false;
    }
    const auto notes =
        decoder_->decode(payload_of(message), into, [&](const proto::BadRecord& bad) {
          bury(message, as_bytes(bad.record), bad.line, bad.reason);
        });
    if (!notes && notes.error().retryable) {
      decoder_trouble_ = notes.error();
      return false;
    }
    next_[partition] = message.offset + 1;
    ++counters_.messages;
    counters_.bytes += message.len;
    if (!notes) {
      bury(message, payload_of(message), 0, notes.error().message);
      return false;
    }
    counters_.unknown_features += notes->unknown_features;
    if (options_.label) into.mutable_labels().assign(into.samples(), *options_.label);
    into.position = {partition, message.offset, message.offset + 1};
    if (into.event_time_ms == 0) {
      into.event_time_ms = std::max<std::int64_t>(rd_kafka_message_timestamp(&message, nullptr), 0);
    }
    return into.samples() > 0;
  }

  // `line` is where in the message the record begins; 0: it is the message.
  void bury(const rd_kafka_message_t& message, ByteView record, std::uint64_t line,
            const std::string& reason) {
    ++counters_.dead_letters;
    if (dead_letters_ == nullptr) return;
    auto accepted =
        dead_letters_->accept({.payload = record,
                               .reason = reason,
                               .origin = options_.topic,
                               .partition = static_cast<std::uint32_t>(message.partition),
                               .offset = message.offset,
                               .line = line});
    if (accepted) return;
    letter_failure_ = std::move(accepted).error();
    letter_failure_->retryable = true;
  }

  const KafkaEventSourceOptions options_;
  const std::size_t features_;
  const std::unique_ptr<decode::EventDecoder> decoder_;
  pipeline::DeadLetterSink* const dead_letters_;

  std::vector<std::int64_t> next_;  // by partition: the offset to go on with
  std::vector<std::uint32_t> out_of_range_;
  std::map<std::uint32_t, DamagedStretch> damaged_;  // by partition
  bool probed_ = false;                              // something was found out about them
  TopicWatch watch_;
  bool started_ = false;
  // Not given yet: read while starting, or its schema is not there (decoder_trouble_).
  MessageHandle next_message_;
  pipeline::SourceCounters counters_;
  std::vector<std::string> notices_;
  std::optional<Error> ended_;            // for good
  std::optional<Error> letter_failure_;   // to be told once
  std::optional<Error> decoder_trouble_;  // to be told once
  std::optional<Error> commit_failure_;   // to be told once
  int commits_under_way_ = 0;

  std::unique_ptr<KafkaClient> client_;  // goes first: its callbacks use the others
};

KafkaEventSource::KafkaEventSource(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}

KafkaEventSource::~KafkaEventSource() = default;

Result<std::unique_ptr<KafkaEventSource>> KafkaEventSource::create(
    KafkaEventSourceOptions options, pipeline::FeatureSchema schema,
    pipeline::DeadLetterSink* dead_letters) {
  REMAPD_CHECK(!options.group.empty(), "offsets are committed for a group");
  auto decoder = decode::EventDecoder::create(options.decode, schema);
  if (!decoder) return fail(std::move(decoder).error());
  auto reader = std::make_unique<Reader>(std::move(options), schema.size(), std::move(*decoder),
                                         dead_letters);
  if (auto connected = reader->connect(); !connected) return fail(std::move(connected).error());
  return std::unique_ptr<KafkaEventSource>(new KafkaEventSource(std::move(reader)));
}

Result<void> KafkaEventSource::start(const StreamOffsets& from) {
  return reader_->start(from);
}

Result<PollOutcome> KafkaEventSource::poll(EventBatch& into, milliseconds timeout) {
  return reader_->poll(into, timeout);
}

StreamOffsets KafkaEventSource::offsets() const {
  return reader_->offsets();
}

Result<void> KafkaEventSource::commit(const StreamOffsets& offsets) {
  return reader_->commit(offsets);
}

pipeline::SourceCounters KafkaEventSource::counters() const {
  return reader_->counters();
}

std::vector<std::string> KafkaEventSource::take_notices() {
  return reader_->take_notices();
}

}  // namespace remapd::kafka
