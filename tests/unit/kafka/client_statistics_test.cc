#include "connectors/kafka/client_statistics.h"

#include <gtest/gtest.h>

namespace remapd::kafka {
namespace {

TEST(ClientStatistics, AddsUpWhatLibrdkafkaTells) {
  const auto statistics = parse_statistics(R"({
    "name": "remapd#consumer-1", "tx": 10, "tx_bytes": 1000, "rx": 9, "rx_bytes": 90000,
    "brokers": {
      "a:9092/1": {"nodeid": 1, "state": "UP", "source": "learned", "rtt": {"avg": 1500}},
      "b:9092/2": {"nodeid": 2, "state": "DOWN", "source": "learned", "rtt": {"avg": 250000}},
      "a:9092/bootstrap": {"nodeid": -1, "state": "UP", "source": "configured", "rtt": {"avg": 9}},
      "GroupCoordinator": {"nodeid": 1, "state": "UP", "source": "logical", "rtt": {"avg": 9}}},
    "topics": {"remap.events": {"partitions": {
      "0": {"fetchq_cnt": 3, "fetchq_size": 300},
      "1": {"fetchq_cnt": 4, "fetchq_size": 500},
      "-1": {"fetchq_cnt": 0, "fetchq_size": 0}}}}})");
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->brokers, 2U);
  EXPECT_EQ(statistics->brokers_up, 1U);
  EXPECT_EQ(statistics->requests, 10U);
  EXPECT_EQ(statistics->bytes_sent, 1'000U);
  EXPECT_EQ(statistics->responses, 9U);
  EXPECT_EQ(statistics->bytes_received, 90'000U);
  EXPECT_EQ(statistics->queued_messages, 7U);
  EXPECT_EQ(statistics->queued_bytes, 800U);
  EXPECT_DOUBLE_EQ(statistics->round_trip_seconds, 0.25);
}

TEST(ClientStatistics, TakesWhatItIsNotUsedTo) {
  EXPECT_FALSE(parse_statistics(""));
  EXPECT_FALSE(parse_statistics("[1]"));
  const auto odd = parse_statistics(
      R"({"tx": -1, "rx": "many", "brokers": {"x": 3, "y": {"nodeid": 1}}, "topics": []})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->requests, 0U);
  EXPECT_EQ(odd->responses, 0U);
  EXPECT_EQ(odd->brokers, 1U);
  EXPECT_EQ(odd->brokers_up, 0U);
}

}  // namespace
}  // namespace remapd::kafka
