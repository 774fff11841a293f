#include "connectors/kafka/topic_sample.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "connectors/kafka/kafka_client.h"

namespace remapd::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How many of each partition's messages are read, `at_most` in all: what a short one has not is
// taken from the others.
std::vector<std::uint64_t> quotas(const std::vector<std::uint64_t>& sizes, std::uint64_t at_most) {
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return sizes[a] < sizes[b]; });
  std::vector<std::uint64_t> quota(sizes.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t left = order.size() - i;
    quota[order[i]] = std::min(sizes[order[i]], (at_most + left - 1) / left);
    at_most -= quota[order[i]];
  }
  return quota;
}

class Sampler {
 public:
  Sampler(KafkaClient& client, const std::string& topic, milliseconds timeout)
      : client_(client), topic_(topic), timeout_(timeout) {}

  Result<void> run(std::uint64_t at_most, const std::function<void(const LogRecord&)>& visit) {
    const auto request = std::min(timeout_, kAnswerTimeout);
    const auto count = client_.partition_count(topic_, request);
    if (!count) return fail(client_.trouble().value_or(count.error()));
    const auto low = client_.log_ends(topic_, *count, KafkaClient::LogEnd::kBeginning, request);
    if (!low) return fail(low.error());
    const auto high = client_.log_ends(topic_, *count, KafkaClient::LogEnd::kEnd, request);
    if (!high) return fail(high.error());
    std::vector<std::uint64_t> sizes;
    for (std::size_t p = 0; p < *count; ++p) {
      sizes.push_back(
          static_cast<std::uint64_t>(std::max<std::int64_t>((*high)[p] - (*low)[p], 0)));
    }
    left_ = quotas(sizes, at_most);
    const PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(*count)));
    for (std::size_t p = 0; p < *count; ++p) {
      if (left_[p] == 0) continue;
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), static_cast<std::int32_t>(p))
          ->offset = (*low)[p];
    }
    if (const auto code = rd_kafka_assign(client_.get(), list.get());
        code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(to_error(code, what()));
    }
    auto read = read_on(visit);
    rd_kafka_assign(client_.get(), nullptr);
    return read;
  }

 private:
  std::string what() const { return fmt::format("reading topic \"{}\"", topic_); }

  Result<void> read_on(const std::function<void(const LogRecord&)>& visit) {
    auto deadline = steady_clock::now() + timeout_;
    while (std::any_of(left_.begin(), left_.end(), [](std::uint64_t n) { return n > 0; })) {
      const MessageHandle message = client_.consume(left_until(deadline));
      if (!message || (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
                       message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)) {
        if (message && !to_error(message->err, what()).retryable) {
          return fail(to_error(message->err, what()));
        }
        if (steady_clock::now() < deadline) continue;
        return fail(client_.trouble().value_or(to_error(RD_KAFKA_RESP_ERR__TIMED_OUT, what())));
      }
      deadline = steady_clock::now() + timeout_;
      std::uint64_t& left = left_[static_cast<std::size_t>(message->partition)];
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        left = 0;  // of a compacted log, or one with transactions, less comes than its offsets say
      } else if (left > 0) {
        visit(log_record(*message));
        --left;
      }
    }
    return {};
  }

  KafkaClient& client_;
  const std::string& topic_;
  milliseconds timeout_;
  std::vector<std::uint64_t> left_;  // of each partition, to be read
};

}  // namespace

Result<void> sample_topic(const KafkaSettings& settings, const std::string& topic,
                          std::uint64_t at_most, milliseconds timeout,
                          const std::function<void(const LogRecord&)>& visit) {
  auto client = KafkaClient::create(settings, mapping_reader_role());
  if (!client) return fail(std::move(client).error());
  return Sampler(**client, topic, timeout).run(at_most, visit);
}

}  // namespace remapd::kafka
