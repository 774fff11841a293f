// librdkafka's mock cluster: brokers in this process, for injecting faults.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

// clang-format off: the second needs the first
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
// clang-format on

#include "connectors/kafka/kafka_client.h"
#include "core/base/check.h"

namespace remapd::kafka {

class MockCluster {
 public:
  MockCluster() {
    KafkaSettings settings;
    settings.brokers = "mock:9092";  // replaced by the cluster's own
    ClientRole role;
    role.defaults = {{"test.mock.num.brokers", "1"}};
    auto made = KafkaClient::create(settings, role);
    REMAPD_CHECK(made.has_value(), "a mock cluster can be made");
    host_ = std::move(*made);
    cluster_ = rd_kafka_handle_mock_cluster(host_->get());
  }

  KafkaSettings settings() const {
    KafkaSettings settings;
    settings.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    return settings;
  }
  void create_topic(const std::string& name, int partitions) {
    rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
  }
  void take_down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void bring_up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  // The next requests of the API fail like that, one after the other.
  template <class... Errors>
  void fail_next(std::int16_t api, Errors... errors) {
    rd_kafka_mock_push_request_errors(cluster_, api, sizeof...(errors), errors...);
  }

 private:
  std::unique_ptr<KafkaClient> host_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;  // host_'s
};

inline constexpr std::int16_t kProduceApi = 0;
inline constexpr std::int16_t kFetchApi = 1;
inline constexpr std::int16_t kInitProducerIdApi = 22;

}  // namespace remapd::kafka
