#include "connectors/kafka/kafka_event_producer.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/kafka_client.h"
#include "connectors/proto/access_batch_codec.h"

namespace remapd::kafka {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kPauseBeforeRetry{200};
constexpr milliseconds kPauseBeforeRenewal{500}, kLongestPauseBeforeRenewal{10'000};
constexpr milliseconds kFlushSlice{100};

// Sending it again cannot help.
bool is_final(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:  // message.timeout.ms was set by the user
      return true;
    default:
      return false;
  }
}

// In turn, over the partitions there are when librdkafka asks. A message's opaque is its number.
std::int32_t in_turn(const rd_kafka_topic_t* /*topic*/, const void* /*key*/, std::size_t /*size*/,
                     std::int32_t partitions, void* /*topic_opaque*/, void* message_opaque) {
  return static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(message_opaque) %
                                   static_cast<std::uintptr_t>(partitions));
}

}  // namespace

class KafkaEventProducer::Sender {
 public:
  explicit Sender(KafkaEventProducerOptions options) : options_(std::move(options)) {}
  ~Sender() { drop_handle(); }

  Result<void> connect() {
    if (auto made = make_handle(); !made) return made;
    const auto count =
        client_->partition_count(options_.topic, std::min<milliseconds>(options_.timeout, 10s));
    if (!count) return fail(count.error());
    return {};
  }

  Result<void> send(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema) {
    const std::string payload = proto::encode_protobuf(batch, schema, options_.producer);
    return send(as_bytes(payload), std::nullopt);
  }

  Result<void> send(ByteView payload, std::optional<std::uint32_t> partition) {
    keep_pace();
    const auto deadline = steady_clock::now() + options_.timeout;
    while (counters_.queued_bytes > 0 &&
           counters_.queued_bytes + payload.size() > options_.max_queued_bytes) {
      if (steady_clock::now() >= deadline) {
        return fail(
            ErrorCode::kResource,
            fmt::format("the queue for topic \"{}\" is full: {} bytes wait to be delivered{}",
                        options_.topic, counters_.queued_bytes,
                        last_problem_.empty() ? "" : ": " + last_problem_),
            /*retryable=*/true);
      }
      poll(std::min<milliseconds>(left_until(deadline), 50ms));
    }
    const std::uint64_t number = counters_.sent;
    Message& message = kept_[number];
    message = {Bytes(payload.begin(), payload.end()), partition};
    waiting_.insert(number);
    counters_.queued_bytes += payload.size();
    const auto code = hand_over();
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !kept_.contains(number)) {
      return fail(to_error(
          code, fmt::format("sending {} bytes to topic \"{}\"", payload.size(), options_.topic)));
    }
    ++counters_.sent;
    counters_.bytes += payload.size();
    poll(0ms);
    return {};
  }

  Result<void> flush() {
    const auto deadline = steady_clock::now() + options_.timeout;
    while (!kept_.empty() && steady_clock::now() < deadline) {
      if (client_) {
        const auto slice = std::min(left_until(deadline), kFlushSlice);
        rd_kafka_flush(client_->get(), static_cast<int>(slice.count()));
      }
      poll(waiting_.empty() ? 0ms : std::min<milliseconds>(left_until(deadline), 20ms));
    }
    if (failed_unreported_ > 0) {
      return fail(ErrorCode::kIo,
                  fmt::format("{} messages to topic \"{}\" were lost: {}",
                              std::exchange(failed_unreported_, 0), options_.topic, last_problem_));
    }
    if (!kept_.empty()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{} messages to topic \"{}\" are not delivered yet{}", kept_.size(),
                              options_.topic, last_problem_.empty() ? "" : ": " + last_problem_),
                  /*retryable=*/true);
    }
    return {};
  }

  void poll(milliseconds timeout) {
    if (client_) {
      client_->poll(timeout);
      if (client_->trouble()) {
        last_problem_ = client_->trouble()->message;
        client_->clear_trouble();
      }
      std::array<char, 512> reason{};
      const auto code = rd_kafka_fatal_error(client_->get(), reason.data(), reason.size());
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        last_problem_ = to_error(code, static_cast<const char*>(reason.data())).message;
        drop_handle();
      }
    } else {
      std::this_thread::sleep_for(std::min<milliseconds>(timeout, left_until(renew_at_)));
    }
    if (!client_ && steady_clock::now() >= renew_at_) renew();
    (void)hand_over();
  }

  const KafkaProducerCounters& counters() const { return counters_; }
  const std::string& last_problem() const { return last_problem_; }

 private:
  struct Message {
    Bytes payload;
    std::optional<std::uint32_t> partition;
  };

  Result<void> make_handle() {
    ClientRole role;
    role.type = RD_KAFKA_PRODUCER;
    // librdkafka's own bounds are out of the way: this class has its own.
    const std::size_t room_kbytes =
        std::min<std::size_t>(options_.max_queued_bytes / 512 + 1'024, 2'000'000'000);
    role.defaults = {
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"acks", "all"},
        {"enable.idempotence", "true"},  // keeps the order when sending is retried
        {"queue.buffering.max.kbytes", std::to_string(room_kbytes)},
        {"queue.buffering.max.messages", "1000000"},
        {"message.timeout.ms", "0"},  // however long the brokers are away: the queue is bounded
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"sticky.partitioning.linger.ms", "0"},  // else in_turn() is not asked
    };
    role.on_delivery = [this](const rd_kafka_message_t& message) { on_delivery(message); };
    auto client = KafkaClient::create(options_.settings, std::move(role));
    if (!client) return fail(std::move(client).error());
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup((*client)->get());
    rd_kafka_topic_conf_set_partitioner_cb(conf, &in_turn);
    TopicHandle topic(rd_kafka_topic_new((*client)->get(), options_.topic.c_str(), conf));
    if (!topic) {
      return fail(to_error(rd_kafka_last_error(), fmt::format("topic \"{}\"", options_.topic)));
    }
    client_ = std::move(*client);
    topic_ = std::move(topic);
    return {};
  }

  // All that is kept waits for the next handle.
  void drop_handle() {
    if (!client_) return;
    rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    topic_.reset();
    client_.reset();
    for (const auto& [number, message] : kept_) waiting_.insert(number);
    renew_at_ = steady_clock::now() + pause_;
    pause_ = std::min(2 * pause_, kLongestPauseBeforeRenewal);
  }

  void renew() {
    if (auto made = make_handle(); !made) {
      last_problem_ = made.error().message;
      renew_at_ = steady_clock::now() + pause_;
      return;
    }
    ++counters_.renewals;
    counters_.sent_again += waiting_.size();
    retry_at_ = {};
  }

  void on_delivery(const rd_kafka_message_t& message) {
    const auto number = reinterpret_cast<std::uintptr_t>(message._private);
    const auto found = kept_.find(number);
    if (found == kept_.end()) return;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++counters_.delivered;
      pause_ = kPauseBeforeRenewal;
      forget(found);
      return;
    }
    last_problem_ = fmt::format("topic \"{}\": {}", options_.topic, rd_kafka_err2str(message.err));
    if (is_final(message.err)) {
      ++counters_.failed;
      ++failed_unreported_;
      forget(found);
      return;
    }
    ++counters_.sent_again;
    waiting_.insert(number);
    retry_at_ = steady_clock::now() + kPauseBeforeRetry;
  }

  void forget(std::map<std::uint64_t, Message>::iterator message) {
    counters_.queued_bytes -= message->second.payload.size();
    kept_.erase(message);
  }

  // What waits to librdkafka, in order, as far as it takes it. An error that is final is of the
  // last message, which is forgotten.
  rd_kafka_resp_err_t hand_over() {
    if (!client_ || waiting_.empty() || steady_clock::now() < retry_at_) {
      return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    while (!waiting_.empty()) {
      const std::uint64_t number = *waiting_.begin();
      const auto code = produce(number, kept_.at(number));
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_final(code)) {
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
          last_problem_ = fmt::format("topic \"{}\": {}", options_.topic, rd_kafka_err2str(code));
          retry_at_ = steady_clock::now() + kPauseBeforeRetry;
        }
        return code;
      }
      waiting_.erase(waiting_.begin());
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      forget(kept_.find(number));
      if (number == counters_.sent) return code;  // the one that send() is about
      ++counters_.failed;
      ++failed_unreported_;
      last_problem_ = fmt::format("topic \"{}\": {}", options_.topic, rd_kafka_err2str(code));
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  rd_kafka_resp_err_t produce(std::uint64_t number, const Message& message) {
    const std::int32_t partition =
        message.partition ? static_cast<std::int32_t>(*message.partition) : RD_KAFKA_PARTITION_UA;
    // Neither copied nor freed by librdkafka: kept_ has it for longer.
    return rd_kafka_producev(
        client_->get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(0),
        RD_KAFKA_V_VALUE(const_cast<std::byte*>(message.payload.data()), message.payload.size()),
        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(static_cast<std::uintptr_t>(number))),
        RD_KAFKA_V_END);
  }

  void keep_pace() {
    if (options_.messages_per_second <= 0) return;
    if (counters_.sent == 0) begun_ = steady_clock::now();
    const std::chrono::duration<double> due(static_cast<double>(counters_.sent) /
                                            options_.messages_per_second);
    const auto at = begun_ + std::chrono::duration_cast<steady_clock::duration>(due);
    while (steady_clock::now() < at) {
      poll(0ms);
      std::this_thread::sleep_until(std::min(at, steady_clock::now() + 100ms));
    }
  }

  const KafkaEventProducerOptions options_;
  KafkaProducerCounters counters_;
  std::map<std::uint64_t, Message> kept_;  // by number: sent and neither delivered nor failed
  std::set<std::uint64_t> waiting_;        // of these, not with librdkafka
  steady_clock::time_point retry_at_{}, renew_at_{};
  milliseconds pause_ = kPauseBeforeRenewal;
  std::uint64_t failed_unreported_ = 0;
  std::string last_problem_;
  steady_clock::time_point begun_;
  std::unique_ptr<KafkaClient> client_;  // its callback uses the others; none: a new one is due
  TopicHandle topic_;                    // goes before the client
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

void KafkaEventProducer::poll(milliseconds timeout) {
  sender_->poll(timeout);
}

const KafkaProducerCounters& KafkaEventProducer::counters() const {
  return sender_->counters();
}

const std::string& KafkaEventProducer::last_problem() const {
  return sender_->last_problem();
}

}  // namespace remapd::kafka
