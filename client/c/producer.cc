// The producer: a bounded queue between a training step and the brokers, and the thread that
// empties it.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/c/properties.h"
#include "connectors/kafka/kafka_event_producer.h"
#include "core/fields/label_rule.h"

using remapd::ErrorCode;
using remapd::FeatureIndex;
using remapd::Result;
using remapd::TableIndex;
using remapd::pipeline::EventBatch;
using remapd::pipeline::Feature;
using remapd::pipeline::FeatureSchema;
namespace c_api = remapd::c_api;

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kOpenTimeout{10'000};  // until the brokers have told of the topic
constexpr milliseconds kCloseTimeout{10'000};
constexpr milliseconds kIdle{200};    // between two looks with nothing to send
constexpr milliseconds kServing{20};  // for delivery reports, with nothing else to send

}  // namespace

struct remap_producer {
 public:
  remap_producer(std::unique_ptr<remapd::kafka::KafkaEventProducer> kafka, FeatureSchema schema,
                 std::size_t max_queued_bytes)
      : schema_(std::move(schema)),
        max_queued_bytes_(max_queued_bytes),
        kafka_(std::move(kafka)),
        sender_([this](const std::stop_token& stopped) { run(stopped); }) {}

  ~remap_producer() {
    {
      const std::lock_guard lock(mutex_);
      deadline_ = steady_clock::now() + kCloseTimeout;
    }
    sender_.request_stop();
  }

  const FeatureSchema& schema() const { return schema_; }
  std::size_t max_queued_bytes() const { return max_queued_bytes_; }

  // Room for a batch, waited for; it is the caller's until send() or give_back(). False: there is
  // none, and the batch counts as dropped.
  bool reserve(std::size_t bytes, milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
      return queued_bytes_ + undelivered_bytes_ + bytes <= max_queued_bytes_;
    };
    if (!settled_.wait_for(lock, timeout, has_room)) {
      ++dropped_;
      return false;
    }
    queued_bytes_ += bytes;
    return true;
  }
  void give_back(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
  }
  void send(EventBatch batch, std::size_t reserved) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back({std::move(batch), reserved});
      ++batches_;
    }
    work_.notify_one();
  }

  Result<void> flush(milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const std::uint64_t until = batches_;
    const bool done = settled_.wait_for(lock, timeout, [&] { return settled_count() >= until; });
    if (failed_ > failed_told_) {
      const std::uint64_t lost = failed_ - std::exchange(failed_told_, failed_);
      return remapd::fail(
          ErrorCode::kIo,
          fmt::format("{} batches could not be delivered and are lost: {}", lost, last_problem_));
    }
    if (!done) {
      return remapd::fail(
          ErrorCode::kUnavailable,
          fmt::format("{} batches were not delivered within {} ms, they stay queued{}{}",
                      until - settled_count(), timeout.count(), last_problem_.empty() ? "" : ": ",
                      last_problem_),
          true);
    }
    return {};
  }

  remap_producer_stats stats() const {
    const std::lock_guard lock(mutex_);
    remap_producer_stats out{};
    out.batches = batches_;
    out.dropped = dropped_;
    out.delivered = delivered_;
    out.failed = failed_;
    out.queued_bytes = queued_bytes_ + undelivered_bytes_;
    out.sent_again = sent_again_;
    out.renewals = renewals_;
    c_api::copy_text(last_problem_, out.last_problem);
    return out;
  }

 private:
  struct Queued {
    EventBatch batch;
    std::size_t bytes;
  };

  std::uint64_t settled_count() const { return delivered_ + failed_; }

  bool give_up(const std::stop_token& stopped) const {
    if (!stopped.stop_requested()) return false;
    const std::lock_guard lock(mutex_);
    return steady_clock::now() > deadline_ || (queue_.empty() && settled_count() >= batches_);
  }

  void note() {
    const std::lock_guard lock(mutex_);
    note_locked();
  }
  // Of what the brokers have not acknowledged nothing is known batch by batch, only sums.
  void note_locked() {
    const auto& counters = kafka_->counters();
    delivered_ = counters.delivered;
    failed_ = counters.failed + refused_;
    undelivered_bytes_ = counters.queued_bytes;
    sent_again_ = counters.sent_again;
    renewals_ = counters.renewals;
    if (!kafka_->last_problem().empty()) last_problem_ = kafka_->last_problem();
    settled_.notify_all();
  }

  std::optional<Queued> next(const std::stop_token& stopped) {
    std::unique_lock lock(mutex_);
    const bool under_way = settled_count() + queue_.size() < batches_;
    work_.wait_for(lock, stopped, under_way ? milliseconds(1) : kIdle,
                   [&] { return !queue_.empty(); });
    if (queue_.empty()) return std::nullopt;
    std::optional<Queued> first = std::move(queue_.front());
    queue_.pop_front();
    return first;
  }

  void run(const std::stop_token& stopped) {
    while (!give_up(stopped)) {
      if (const auto queued = next(stopped)) {
        hand_over(*queued, stopped);
      } else {
        kafka_->poll(kafka_->counters().queued_bytes > 0 ? kServing : milliseconds(0));
        note();
      }
    }
  }

  void hand_over(const Queued& queued, const std::stop_token& stopped) {
    Result<void> sent = kafka_->send(queued.batch, schema_);
    while (!sent && sent.error().retryable && !give_up(stopped)) {
      note();
      sent = kafka_->send(queued.batch, schema_);
    }
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= queued.bytes;
    if (!sent) {
      ++refused_;
      last_problem_ = sent.error().message;
    }
    note_locked();
  }

  const FeatureSchema schema_;
  const std::size_t max_queued_bytes_;
  std::unique_ptr<remapd::kafka::KafkaEventProducer> kafka_;  // the sender's alone

  mutable std::mutex mutex_;  // all below
  std::condition_variable_any work_;
  std::condition_variable_any settled_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;       // of the queue, and reserved
  std::size_t undelivered_bytes_ = 0;  // handed to Kafka
  std::uint64_t batches_ = 0, dropped_ = 0, delivered_ = 0, failed_ = 0, refused_ = 0;
  std::uint64_t failed_told_ = 0, sent_again_ = 0, renewals_ = 0;
  std::string last_problem_;
  steady_clock::time_point deadline_;  // of the last sends, once stopped

  std::jthread sender_;  // last: it uses all of the above
};

namespace {

// Refuses what does not fit together; the bytes that the batch takes.
Result<std::size_t> examine(const remap_batch& batch, const FeatureSchema& schema) {
  const auto refuse = [](std::string reason) {
    return remapd::fail(ErrorCode::kInvalidArgument, std::move(reason));
  };
  if (batch.columns == nullptr) return remapd::fail(c_api::null_argument("batch->columns"));
  if (batch.column_count != schema.size()) {
    return refuse(fmt::format("{} columns given, the producer was opened with {} features",
                              batch.column_count, schema.size()));
  }
  std::size_t bytes = 0;
  for (std::uint32_t f = 0; f < batch.column_count; ++f) {
    const remap_column& column = batch.columns[f];
    const std::string& name = schema.feature(FeatureIndex{f}).name;
    if (column.value_count != 0 && column.values == nullptr) {
      return remapd::fail(c_api::null_argument("batch->columns[...].values"));
    }
    std::uint64_t sum = batch.samples;
    if (column.lengths != nullptr) {
      if (column.length_count != batch.samples) {
        return refuse(
            fmt::format("column \"{}\": {} lengths for {} samples; every column has one length for "
                        "each sample. Of "
                        "features with batch sizes of their own (TorchRec's variable batch per "
                        "feature) send one "
                        "batch for each size",
                        name, column.length_count, batch.samples));
      }
      sum = 0;
      for (std::size_t s = 0; s < batch.samples; ++s) sum += column.lengths[s];
    }
    if (sum != column.value_count) {
      return refuse(fmt::format(
          "column \"{}\": {} ids given, {}", name, column.value_count,
          column.lengths != nullptr
              ? fmt::format("its lengths add up to {}", sum)
              : fmt::format("for {} samples; without lengths one id for each", batch.samples)));
    }
    bytes += batch.samples * sizeof(std::uint32_t) + column.value_count * sizeof(std::uint64_t);
  }
  for (std::size_t s = 0; batch.labels != nullptr && s < batch.samples; ++s) {
    if (!remapd::fields::label_of_number(double{batch.labels[s]})) {
      return refuse(fmt::format("labels[{}]: {}", s,
                                remapd::fields::label_refusal(fmt::to_string(batch.labels[s]))));
    }
  }
  for (std::size_t s = 0; batch.weights != nullptr && s < batch.samples; ++s) {
    if (!remapd::fields::weight_of_number(double{batch.weights[s]})) {
      return refuse(fmt::format("weights[{}]: {}", s,
                                remapd::fields::weight_refusal(fmt::to_string(batch.weights[s]))));
    }
  }
  if (batch.labels != nullptr) bytes += batch.samples * sizeof(float);
  if (batch.weights != nullptr) bytes += batch.samples * sizeof(float);
  return bytes;
}

EventBatch copy_of(const remap_batch& batch) {
  EventBatch copy;
  copy.reset(batch.column_count);
  copy.event_time_ms = batch.event_time_ms;
  for (std::uint32_t f = 0; f < batch.column_count; ++f) {
    const remap_column& column = batch.columns[f];
    auto& lengths = copy.mutable_lengths(FeatureIndex{f});
    if (column.lengths != nullptr) {
      lengths.assign(column.lengths, column.lengths + batch.samples);
    } else {
      lengths.assign(batch.samples, 1);
    }
    copy.mutable_values(FeatureIndex{f}).assign(column.values, column.values + column.value_count);
  }
  if (batch.labels != nullptr) {
    copy.mutable_labels().assign(batch.labels, batch.labels + batch.samples);
  }
  if (batch.weights != nullptr) {
    copy.mutable_weights().assign(batch.weights, batch.weights + batch.samples);
  }
  copy.seal(batch.samples);
  return copy;
}

}  // namespace

extern "C" {

remap_status remap_producer_open_kafka(const char* brokers, const char* topic,
                                       const char* const* properties, size_t property_count,
                                       const remap_producer_options* options,
                                       remap_producer** out) {
  return c_api::call([&]() -> Result<void> {
    if (topic == nullptr) return remapd::fail(c_api::null_argument("topic"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto settings = c_api::kafka_settings(brokers, properties, property_count);
    if (!settings) return remapd::fail(std::move(settings).error());
    auto given = c_api::copy_in(options, "options");
    if (!given) return remapd::fail(std::move(given).error());
    if (given->feature_count == 0 || given->features == nullptr) {
      return remapd::fail(ErrorCode::kInvalidArgument,
                          "options->features is empty: name the columns of the batches");
    }
    std::vector<Feature> features;
    for (std::uint32_t f = 0; f < given->feature_count; ++f) {
      if (given->features[f] == nullptr) {
        return remapd::fail(c_api::null_argument("options->features[...]"));
      }
      features.push_back({given->features[f], TableIndex{f}});
    }
    remapd::kafka::KafkaEventProducerOptions of;
    of.settings = std::move(*settings);
    of.topic = topic;
    of.producer = given->name != nullptr ? given->name : "trainer";
    of.timeout = kOpenTimeout;
    // Batches are held back before it is full: it bounds what is encoded, they what is not, too.
    const std::size_t room =
        given->max_queued_bytes != 0 ? given->max_queued_bytes : std::size_t{64} << 20;
    of.max_queued_bytes = 2 * room;
    auto kafka = remapd::kafka::KafkaEventProducer::create(std::move(of));
    if (!kafka) return remapd::fail(std::move(kafka).error());
    *out = new remap_producer(std::move(*kafka), FeatureSchema(std::move(features)), room);
    return {};
  });
}

void remap_producer_close(remap_producer* producer) {
  delete producer;
}

remap_status remap_producer_send(remap_producer* producer, const remap_batch* batch,
                                 int64_t timeout_ms, int* accepted) {
  return c_api::call([&]() -> Result<void> {
    if (producer == nullptr) return remapd::fail(c_api::null_argument("producer"));
    auto given = c_api::copy_in(batch, "batch");
    if (!given) return remapd::fail(std::move(given).error());
    const auto bytes = examine(*given, producer->schema());
    if (!bytes) return remapd::fail(bytes.error());
    if (*bytes > producer->max_queued_bytes()) {
      return remapd::fail(ErrorCode::kInvalidArgument,
                          fmt::format("the batch takes {} bytes, max_queued_bytes is {}", *bytes,
                                      producer->max_queued_bytes()));
    }
    if (accepted != nullptr) *accepted = 0;
    if (!producer->reserve(*bytes, milliseconds(std::max<int64_t>(timeout_ms, 0)))) return {};
    try {
      producer->send(copy_of(*given), *bytes);
    } catch (...) {
      producer->give_back(*bytes);
      throw;
    }
    if (accepted != nullptr) *accepted = 1;
    return {};
  });
}

remap_status remap_producer_flush(remap_producer* producer, int64_t timeout_ms) {
  return c_api::call([&]() -> Result<void> {
    if (producer == nullptr) return remapd::fail(c_api::null_argument("producer"));
    return producer->flush(std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0)));
  });
}

remap_status remap_producer_get_stats(const remap_producer* producer, remap_producer_stats* stats) {
  return c_api::call([&]() -> Result<void> {
    if (producer == nullptr) return remapd::fail(c_api::null_argument("producer"));
    return c_api::copy_out(producer->stats(), stats, "stats");
  });
}
}
