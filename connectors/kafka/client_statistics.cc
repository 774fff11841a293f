#include "connectors/kafka/client_statistics.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace remapd::kafka {
namespace {

using Json = nlohmann::json;

std::uint64_t count(const Json& object, const char* name) {
  if (!object.is_object()) return 0;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number()) return 0;
  return static_cast<std::uint64_t>(std::max(member->get<double>(), 0.0));
}

// None, if there is no such object.
const Json& members(const Json& object, const char* name) {
  static const Json kNone = Json::object();
  if (!object.is_object()) return kNone;
  const auto member = object.find(name);
  return member == object.end() || !member->is_object() ? kNone : *member;
}

}  // namespace

std::optional<pipeline::BrokerStatistics> parse_statistics(std::string_view json) {
  const Json root = Json::parse(json, nullptr, false);
  if (!root.is_object()) return std::nullopt;
  pipeline::BrokerStatistics out;
  out.requests = count(root, "tx");
  out.bytes_sent = count(root, "tx_bytes");
  out.responses = count(root, "rx");
  out.bytes_received = count(root, "rx_bytes");
  for (const auto& [name, broker] : members(root, "brokers").items()) {
    // Bootstrap addresses, and what stands for a group's coordinator, have no id.
    if (!broker.is_object()) continue;
    const auto id = broker.find("nodeid");
    if (id == broker.end() || !id->is_number() || id->get<double>() < 0) continue;
    const auto source = broker.find("source");
    if (source != broker.end() && *source == "logical") continue;
    ++out.brokers;
    const auto state = broker.find("state");
    if (state != broker.end() && *state == "UP") ++out.brokers_up;
    constexpr double kMicrosecond = 1e-6;
    out.round_trip_seconds =
        std::max(out.round_trip_seconds,
                 static_cast<double>(count(members(broker, "rtt"), "avg")) * kMicrosecond);
  }
  for (const auto& [name, topic] : members(root, "topics").items()) {
    for (const auto& [number, partition] : members(topic, "partitions").items()) {
      out.queued_messages += count(partition, "fetchq_cnt");
      out.queued_bytes += count(partition, "fetchq_size");
    }
  }
  return out;
}

}  // namespace remapd::kafka
