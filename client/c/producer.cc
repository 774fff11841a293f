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
#include <vector>

#include <fmt/format.h>

#include "client/c/properties.h"
#include "connectors/kafka/kafka_event_producer.h"

using remapd::ErrorCode;
using remapd::FeatureIndex;
using remapd::Result;
using remapd::TableIndex;
using remapd::pipeline::EventBatch;
using remapd::pipeline::Feature;
using remapd::pipeline::FeatureSchema;
namespace c_api = remapd::c_api;

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
      deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    }
    sender_.request_stop();
  }

  std::size_t features() const { return schema_.size(); }

  // False: dropped.
  bool send(EventBatch batch, std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (queued_bytes_ + bytes > max_queued_bytes_) {
        ++dropped_;
        return false;
      }
      queue_.push_back({std::move(batch), bytes});
      queued_bytes_ += bytes;
      ++batches_;
    }
    work_.notify_one();
    return true;
  }

  void count_dropped() {
    const std::lock_guard lock(mutex_);
    ++dropped_;
  }
  bool has_room(std::size_t bytes) const {
    const std::lock_guard lock(mutex_);
    return queued_bytes_ + bytes <= max_queued_bytes_;
  }

  Result<void> flush(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const std::uint64_t until = batches_;
    const std::uint64_t failed_before = failed_;
    ++flushes_;
    work_.notify_one();
    const bool done = settled_.wait_for(lock, timeout, [&] { return settled_count() >= until; });
    --flushes_;
    if (!done) {
      return remapd::fail(
          ErrorCode::kUnavailable,
          fmt::format("{} batches were not delivered within {} ms{}{}", until - settled_count(),
                      timeout.count(), last_problem_.empty() ? "" : ": ", last_problem_),
          true);
    }
    if (failed_ > failed_before) {
      return remapd::fail(ErrorCode::kIo, fmt::format("{} batches could not be delivered: {}",
                                                      failed_ - failed_before, last_problem_));
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
    out.queued_bytes = queued_bytes_;
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
    return std::chrono::steady_clock::now() > deadline_;
  }

  // Of librdkafka's own queue nothing is known batch by batch, only sums: they are what is
  // reported, plus what never got that far.
  void note(const Result<void>& result) {
    const std::lock_guard lock(mutex_);
    const auto& counters = kafka_->counters();
    delivered_ = counters.delivered;
    failed_ = counters.failed + refused_;
    if (!result) last_problem_ = result.error().message;
    settled_.notify_all();
  }

  void run(const std::stop_token& stopped) {
    while (!give_up(stopped)) {
      std::optional<Queued> next;
      bool flush = false;
      {
        std::unique_lock lock(mutex_);
        // Woken now and then so that delivery reports are counted without anybody flushing.
        work_.wait_for(lock, stopped, std::chrono::milliseconds(200),
                       [&] { return !queue_.empty() || flushes_ > 0; });
        if (!queue_.empty()) {
          next = std::move(queue_.front());
          queue_.pop_front();
        } else {
          flush = settled_count() < batches_;
        }
      }
      if (next) {
        Result<void> sent = kafka_->send(next->batch, schema_);
        // The brokers' queue stays full while they are away: wait on, the batch is not lost yet.
        while (!sent && sent.error().retryable && !give_up(stopped)) {
          note(sent);
          sent = kafka_->send(next->batch, schema_);
        }
        {
          const std::lock_guard lock(mutex_);
          queued_bytes_ -= next->bytes;
          if (!sent) ++refused_;
        }
        note(sent);
        continue;
      }
      if (flush) note(kafka_->flush());
      if (stopped.stop_requested()) {
        const std::lock_guard lock(mutex_);
        if (queue_.empty() && settled_count() >= batches_) return;
      }
    }
  }

  const FeatureSchema schema_;
  const std::size_t max_queued_bytes_;
  std::unique_ptr<remapd::kafka::KafkaEventProducer> kafka_;  // the sender's alone

  mutable std::mutex mutex_;  // all below
  std::condition_variable_any work_;
  std::condition_variable_any settled_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t flushes_ = 0;
  std::uint64_t batches_ = 0, dropped_ = 0, delivered_ = 0, failed_ = 0, refused_ = 0;
  std::string last_problem_;
  std::chrono::steady_clock::time_point deadline_;  // of the last sends, once stopped

  std::jthread sender_;  // last: it uses all of the above
};

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
    of.timeout = std::chrono::milliseconds(1000);
    auto kafka = remapd::kafka::KafkaEventProducer::create(std::move(of));
    if (!kafka) return remapd::fail(std::move(kafka).error());
    *out = new remap_producer(
        std::move(*kafka), FeatureSchema(std::move(features)),
        given->max_queued_bytes != 0 ? given->max_queued_bytes : std::size_t{64} << 20);
    return {};
  });
}

void remap_producer_close(remap_producer* producer) {
  delete producer;
}

remap_status remap_producer_send(remap_producer* producer, const remap_column* columns,
                                 size_t column_count, size_t samples, const float* labels,
                                 int64_t event_time_ms, int* accepted) {
  return c_api::call([&]() -> Result<void> {
    if (producer == nullptr) return remapd::fail(c_api::null_argument("producer"));
    if (columns == nullptr) return remapd::fail(c_api::null_argument("columns"));
    if (column_count != producer->features()) {
      return remapd::fail(ErrorCode::kInvalidArgument,
                          fmt::format("{} columns given, the producer was opened with {} features",
                                      column_count, producer->features()));
    }
    std::size_t bytes = labels != nullptr ? samples * sizeof(float) : 0;
    for (std::size_t f = 0; f < column_count; ++f) {
      const remap_column& column = columns[f];
      if (column.value_count != 0 && column.values == nullptr) {
        return remapd::fail(c_api::null_argument("columns[...].values"));
      }
      std::uint64_t sum = samples;
      if (column.lengths != nullptr) {
        sum = 0;
        for (std::size_t s = 0; s < samples; ++s) sum += column.lengths[s];
      }
      if (sum != column.value_count) {
        return remapd::fail(ErrorCode::kInvalidArgument,
                            fmt::format("column {}: its lengths add up to {} ids, {} are given", f,
                                        sum, column.value_count));
      }
      bytes += samples * sizeof(std::uint32_t) + column.value_count * sizeof(std::uint64_t);
    }
    if (accepted != nullptr) *accepted = 0;
    // Not worth copying what will not fit.
    if (!producer->has_room(bytes)) {
      producer->count_dropped();
      return {};
    }
    EventBatch batch;
    batch.reset(column_count);
    batch.event_time_ms = event_time_ms;
    for (std::uint32_t f = 0; f < column_count; ++f) {
      const remap_column& column = columns[f];
      auto& lengths = batch.mutable_lengths(FeatureIndex{f});
      if (column.lengths != nullptr) {
        lengths.assign(column.lengths, column.lengths + samples);
      } else {
        lengths.assign(samples, 1);
      }
      batch.mutable_values(FeatureIndex{f})
          .assign(column.values, column.values + column.value_count);
    }
    if (labels != nullptr) batch.mutable_labels().assign(labels, labels + samples);
    batch.seal(samples);
    const bool taken = producer->send(std::move(batch), bytes);
    if (accepted != nullptr) *accepted = taken ? 1 : 0;
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
