#include "connectors/kafka/kafka_dead_letter_sink.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/kafka_client.h"
#include "core/base/clock.h"

namespace remapd::kafka {

using namespace std::chrono_literals;
using pipeline::DeadLetter;
using std::chrono::steady_clock;

namespace {

class HeaderList {
 public:
  HeaderList() : headers_(rd_kafka_headers_new(6)) {}
  ~HeaderList() {
    if (headers_ != nullptr) rd_kafka_headers_destroy(headers_);
  }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  void add(std::string_view name, std::string_view value) {
    rd_kafka_header_add(headers_, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  rd_kafka_headers_t* get() const { return headers_; }
  void release() { headers_ = nullptr; }  // librdkafka has taken them

 private:
  rd_kafka_headers_t* headers_;
};

}  // namespace

class KafkaDeadLetterSink::Producer {
 public:
  explicit Producer(KafkaDeadLetterSinkOptions options) : options_(std::move(options)) {}

  ~Producer() {
    if (client_) (void)flush();
  }

  Result<void> connect() {
    ClientRole role;
    role.type = RD_KAFKA_PRODUCER;
    const std::size_t largest = options_.max_payload_bytes + (std::size_t{64} << 10);
    role.defaults = {
        {"linger.ms", "50"},
        {"compression.type", "zstd"},
        {"message.max.bytes", std::to_string(std::max<std::size_t>(largest, 1'000'000))},
        {"queue.buffering.max.kbytes", std::to_string(options_.max_queued_bytes / 1024 + 1)},
        // However long the brokers are away; the queue is bounded.
        {"message.timeout.ms", "0"},
    };
    role.fixed = {{"acks", "all", "a dead letter must not be lost with one broker"}};
    role.on_delivery = [this](const rd_kafka_message_t& message) { on_delivery(message); };
    auto client = KafkaClient::create(options_.settings, std::move(role));
    if (!client) return fail(std::move(client).error());
    client_ = std::move(*client);
    return {};
  }

  Result<void> accept(const DeadLetter& letter) {
    client_->poll(0ms);
    const auto deadline = steady_clock::now() + options_.patience;
    rd_kafka_resp_err_t code = produce(letter);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && steady_clock::now() < deadline) {
      client_->poll(std::min<std::chrono::milliseconds>(left_until(deadline), 50ms));
      code = produce(letter);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++counters_.accepted;
      return {};
    }
    ++counters_.refused;
    Error error =
        to_error(code, fmt::format("dead letter lost ({}, partition {}, offset {}), topic "
                                   "\"{}\"",
                                   letter.origin, letter.partition, letter.offset, options_.topic));
    error.code = ErrorCode::kResource;
    return fail(std::move(error));
  }

  Result<void> flush() {
    const auto deadline = steady_clock::now() + options_.flush_timeout;
    rd_kafka_flush(client_->get(), static_cast<int>(options_.flush_timeout.count()));
    // A flush that ends early has not served the last reports.
    client_->poll(0ms);
    while (waiting() > 0 && steady_clock::now() < deadline) {
      client_->poll(std::min<std::chrono::milliseconds>(left_until(deadline), 20ms));
    }
    if (undelivered_unreported_ > 0) {
      return fail(
          ErrorCode::kIo,
          fmt::format("{} dead letters were turned down by topic \"{}\": {}",
                      std::exchange(undelivered_unreported_, 0), options_.topic, last_failure_));
    }
    if (waiting() > 0) {
      return fail(
          ErrorCode::kUnavailable,
          fmt::format("{} dead letters wait to be delivered to topic \"{}\"{}", waiting(),
                      options_.topic, client_->trouble() ? ": " + client_->trouble()->message : ""),
          /*retryable=*/true);
    }
    client_->clear_trouble();
    return {};
  }

  const KafkaDeadLetterCounters& counters() const { return counters_; }

 private:
  std::uint64_t waiting() const {
    return counters_.accepted - counters_.delivered - counters_.undelivered;
  }

  rd_kafka_resp_err_t produce(const DeadLetter& letter) {
    const ByteView kept =
        letter.payload.first(std::min(letter.payload.size(), options_.max_payload_bytes));
    std::string key = fmt::format("{}/{}/{}", letter.origin, letter.partition, letter.offset);
    if (letter.line > 0) key += fmt::format("/{}", letter.line);
    const std::int64_t now_ms = unix_ms(std::chrono::system_clock::now());
    HeaderList headers;
    headers.add("remapd.reason", letter.reason);
    headers.add("remapd.topic", letter.origin);
    headers.add("remapd.partition", std::to_string(letter.partition));
    headers.add("remapd.offset", std::to_string(letter.offset));
    if (letter.line > 0) headers.add("remapd.line", std::to_string(letter.line));
    headers.add("remapd.payload_bytes", std::to_string(letter.payload.size()));
    headers.add("remapd.time_ms", std::to_string(now_ms));
    const auto code = rd_kafka_producev(
        client_->get(), RD_KAFKA_V_TOPIC(options_.topic.c_str()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<std::byte*>(kept.data()), kept.size()),
        RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) headers.release();
    return code;
  }

  void on_delivery(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++counters_.delivered;
      return;
    }
    ++counters_.undelivered;
    ++undelivered_unreported_;
    last_failure_ = rd_kafka_err2str(message.err);
  }

  const KafkaDeadLetterSinkOptions options_;
  KafkaDeadLetterCounters counters_;
  std::uint64_t undelivered_unreported_ = 0;
  std::string last_failure_;
  std::unique_ptr<KafkaClient> client_;  // goes first: its callback uses the others
};

KafkaDeadLetterSink::KafkaDeadLetterSink(std::unique_ptr<Producer> producer)
    : producer_(std::move(producer)) {}

KafkaDeadLetterSink::~KafkaDeadLetterSink() = default;

Result<std::unique_ptr<KafkaDeadLetterSink>> KafkaDeadLetterSink::create(
    KafkaDeadLetterSinkOptions options) {
  auto producer = std::make_unique<Producer>(std::move(options));
  if (auto connected = producer->connect(); !connected) return fail(std::move(connected).error());
  return std::unique_ptr<KafkaDeadLetterSink>(new KafkaDeadLetterSink(std::move(producer)));
}

Result<void> KafkaDeadLetterSink::accept(const DeadLetter& letter) {
  return producer_->accept(letter);
}

Result<void> KafkaDeadLetterSink::flush() {
  return producer_->flush();
}

const KafkaDeadLetterCounters& KafkaDeadLetterSink::counters() const {
  return producer_->counters();
}

}  // namespace remapd::kafka
