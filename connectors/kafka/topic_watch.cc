#include "connectors/kafka/topic_watch.h"

#include <algorithm>
#include <utility>

namespace remapd::kafka {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// While something is wrong, how often it is looked whether it still is.
constexpr milliseconds kProbeInterval{1'000};
constexpr milliseconds kLeastPatience{20};
constexpr milliseconds kMostPatience{250};

}  // namespace

TopicWatch::TopicWatch(std::string topic, milliseconds interval)
    : topic_(std::move(topic)), interval_(interval) {}

std::optional<std::uint32_t> TopicWatch::look(KafkaClient& client, milliseconds patience) {
  const auto now = steady_clock::now();
  const bool in_trouble = problem(client).has_value();
  const milliseconds interval = in_trouble ? std::min(kProbeInterval, interval_) : interval_;
  if (last_look_ && now < *last_look_ + interval) return std::nullopt;
  last_look_ = now;
  const auto count =
      client.partition_count(topic_, std::clamp(patience, kLeastPatience, kMostPatience));
  if (count) {
    works(client);
    return *count;
  }
  // A healthy cluster may be slow to answer once; that it is gone, librdkafka tells.
  if (count.error().code == ErrorCode::kNotFound || in_trouble) note(count.error());
  return std::nullopt;
}

void TopicWatch::works(KafkaClient& client) {
  problem_.reset();
  client.clear_trouble();
}

void TopicWatch::restart() {
  problem_.reset();
  last_look_ = steady_clock::now();
}

std::optional<Error> TopicWatch::problem(const KafkaClient& client) const {
  return client.trouble() ? client.trouble() : problem_;
}

}  // namespace remapd::kafka
