// For tests against a real broker: run them by  scripts/kafka-broker run -- ctest -L integration.
// Without REMAPD_KAFKA_BROKERS they are skipped.
#pragma once

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_event_producer.h"
#include "connectors/kafka/kafka_settings.h"
#include "connectors/kafka/topic_admin.h"
#include "core/base/check.h"
#include "tests/support/temp_dir.h"

namespace remapd::test_support {

inline std::string brokers_from_environment() {
  const char* brokers = std::getenv("REMAPD_KAFKA_BROKERS");
  return brokers == nullptr ? "" : brokers;
}

inline kafka::KafkaSettings settings_for(std::string brokers) {
  kafka::KafkaSettings settings;
  settings.brokers = std::move(brokers);
  return settings;
}

inline std::string unique_name(std::string_view stem) {
  std::random_device entropy;
  return fmt::format("{}-{:08x}{:08x}", stem, entropy(), entropy());
}

// A test whose broker is shared with other tests: topics have names of their own.
class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (brokers_from_environment().empty()) {
      GTEST_SKIP()
          << "REMAPD_KAFKA_BROKERS is not set: run this by scripts/kafka-broker run -- ...";
    }
    settings = settings_for(brokers_from_environment());
    auto made = kafka::TopicAdmin::create(settings);
    ASSERT_TRUE(made) << made.error().message;
    admin = std::move(*made);
  }

  std::string make_topic(kafka::TopicSpec spec) {
    spec.name = unique_name(spec.name);
    const auto created = admin->create_topic(spec);
    EXPECT_TRUE(created) << created.error().message;
    return spec.name;
  }
  std::string make_event_topic(std::uint32_t partitions = 1) {
    return make_topic(kafka::event_topic("events", partitions));
  }

  std::unique_ptr<kafka::KafkaEventProducer> producer_of(const std::string& topic) {
    auto made = kafka::KafkaEventProducer::create({.settings = settings, .topic = topic});
    REMAPD_CHECK(made.has_value(), "a test can produce to its topic");
    return std::move(*made);
  }

  kafka::KafkaSettings settings;
  std::unique_ptr<kafka::TopicAdmin> admin;
};

// A broker of a test's own, which it may stop and start again on the same port and log.
class OwnBroker {
 public:
  OwnBroker() { start(); }
  ~OwnBroker() { control("remove"); }
  OwnBroker(const OwnBroker&) = delete;
  OwnBroker& operator=(const OwnBroker&) = delete;

  void start() { address_ = control("start"); }
  void stop() { control("stop"); }
  void kill() { control("kill"); }
  // Stands still, as on a machine that swaps, until it may go on.
  void stand_still() { signal(SIGSTOP); }
  void go_on() { signal(SIGCONT); }
  const std::string& address() const { return address_; }

 private:
  void signal(int number) {
    pid_t pid = 0;
    std::ifstream(dir_ / "broker" / "pid") >> pid;
    REMAPD_CHECK(pid > 0 && ::kill(pid, number) == 0, "the broker runs");
  }

  std::string control(std::string_view command) {
    const std::string line = fmt::format("{}/scripts/kafka-broker {} --state {}", REMAPD_SOURCE_DIR,
                                         command, (dir_ / "broker").string());
    std::string output;
    std::FILE* pipe = ::popen(line.c_str(), "r");
    REMAPD_CHECK(pipe != nullptr, "a test can run scripts/kafka-broker");
    std::array<char, 256> piece{};
    while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) output += piece.data();
    REMAPD_CHECK(::pclose(pipe) == 0, "scripts/kafka-broker does what it was asked for");
    while (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
  }

  TempDir dir_;
  std::string address_;
};

}  // namespace remapd::test_support
