#include "connectors/kafka/kafka_event_producer.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/kafka_client.h"
#include "connectors/proto/access_batch_codec.h"

namespace remapd::kafka {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class KafkaEventProducer::Sender {
 public:
  explicit Sender(KafkaEventProducerOptions options) : options_(std::move(options)) {}

  ~Sender() {
    if (client_) rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }

  Result<void> connect() {
    ClientRole role;
    role.type = RD_KAFKA_PRODUCER;
    role.defaults = {
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"acks", "all"},
        {"enable.idempotence", "true"},  // keeps the order when sending is retried
        {"queue.buffering.max.kbytes", std::to_string(options_.max_queued_bytes / 1024 + 1)},
        {"queue.buffering.max.messages", "1000000"},
        {"message.timeout.ms", std::to_string(options_.timeout.count())},
    };
    role.on_delivery = [this](const rd_kafka_message_t& message) {
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++counters_.delivered;
        return;
      }
      ++counters_.failed;
      ++failed_unreported_;
      last_failure_ = rd_kafka_err2str(message.err);
    };
    auto client = KafkaClient::create(options_.settings, std::move(role));
    if (!client) return fail(std::move(client).error());
    client_ = std::move(*client);
    const auto count = client_->partition_count(
        options_.topic, std::min<std::chrono::milliseconds>(options_.timeout, 10s));
    if (!count) return fail(count.error());
    partitions_ = *count;
    return {};
  }

  Result<void> send(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema) {
    const std::string payload = proto::encode_protobuf(batch, schema, options_.producer);
    return send(as_bytes(payload), std::nullopt);
  }

  Result<void> send(ByteView payload, std::optional<std::uint32_t> partition) {
    keep_pace();
    const std::uint32_t to =
        partition.value_or(static_cast<std::uint32_t>(counters_.sent % partitions_));
    const auto deadline = steady_clock::now() + options_.timeout;
    rd_kafka_resp_err_t code = produce(payload, to);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && steady_clock::now() < deadline) {
      client_->poll(50ms);
      code = produce(payload, to);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(to_error(code, fmt::format("sending to topic \"{}\"", options_.topic)));
    }
    ++counters_.sent;
    counters_.bytes += payload.size();
    client_->poll(0ms);
    return {};
  }

  Result<void> flush() {
    const auto deadline = steady_clock::now() + options_.timeout;
    rd_kafka_flush(client_->get(), static_cast<int>(options_.timeout.count()));
    client_->poll(0ms);
    while (waiting() > 0 && steady_clock::now() < deadline) {
      client_->poll(std::min<std::chrono::milliseconds>(left_until(deadline), 20ms));
    }
    if (failed_unreported_ > 0) {
      return fail(ErrorCode::kIo,
                  fmt::format("{} messages to topic \"{}\" were lost: {}",
                              std::exchange(failed_unreported_, 0), options_.topic, last_failure_));
    }
    if (waiting() > 0) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{} messages to topic \"{}\" are not delivered yet", waiting(),
                              options_.topic),
                  /*retryable=*/true);
    }
    return {};
  }

  std::uint32_t partitions() const { return partitions_; }
  const KafkaProducerCounters& counters() const { return counters_; }

 private:
  std::uint64_t waiting() const { return counters_.sent - counters_.delivered - counters_.failed; }

  void keep_pace() {
    if (options_.messages_per_second <= 0) return;
    if (counters_.sent == 0) begun_ = steady_clock::now();
    const std::chrono::duration<double> due(static_cast<double>(counters_.sent) /
                                            options_.messages_per_second);
    const auto at = begun_ + std::chrono::duration_cast<steady_clock::duration>(due);
    while (steady_clock::now() < at) {
      client_->poll(0ms);
      std::this_thread::sleep_until(std::min(at, steady_clock::now() + 100ms));
    }
  }

  rd_kafka_resp_err_t produce(ByteView payload, std::uint32_t partition) {
    return rd_kafka_producev(
        client_->get(), RD_KAFKA_V_TOPIC(options_.topic.c_str()),
        RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(partition)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<std::byte*>(payload.data()), payload.size()), RD_KAFKA_V_END);
  }

  const KafkaEventProducerOptions options_;
  KafkaProducerCounters counters_;
  std::uint64_t failed_unreported_ = 0;
  std::string last_failure_;
  std::uint32_t partitions_ = 1;
  steady_clock::time_point begun_;
  std::unique_ptr<KafkaClient> client_;  // goes first: its callback uses the others
};

KafkaEventProducer::KafkaEventProducer(std::unique_ptr<Sender> sender)
    : sender_(std::move(sender)) {}

KafkaEventProducer::~KafkaEventProducer() = default;

Result<std::unique_ptr<KafkaEventProducer>> KafkaEventProducer::create(
    KafkaEventProducerOptions options) {
  auto sender = std::make_unique<Sender>(std::move(options));
  if (auto connected = sender->connect(); !connected) return fail(std::move(connected).error());
  return std::unique_ptr<KafkaEventProducer>(new KafkaEventProducer(std::move(sender)));
}

Result<void> KafkaEventProducer::send(const pipeline::EventBatch& batch,
                                      const pipeline::FeatureSchema& schema) {
  return sender_->send(batch, schema);
}

Result<void> KafkaEventProducer::send(ByteView payload, std::optional<std::uint32_t> partition) {
  return sender_->send(payload, partition);
}

Result<void> KafkaEventProducer::flush() {
  return sender_->flush();
}

std::uint32_t KafkaEventProducer::partitions() const {
  return sender_->partitions();
}

const KafkaProducerCounters& KafkaEventProducer::counters() const {
  return sender_->counters();
}

}  // namespace remapd::kafka
