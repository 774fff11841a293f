#include <chrono>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "connectors/kafka/topic_admin.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/cli/command.h"
#include "daemon/cli/topic_plan.h"
#include "daemon/config/config_loader.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

class TopicsCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    const auto config = config::load_config(config_path, overrides);
    if (!config) return fail(config.error());
    std::vector<PlannedTopic> topics = plan_topics(*config, partitions);
    if (topics.empty()) {
      return fail(ErrorCode::kConfig,
                  config_path +
                      ": it names no topic: source.kind, sink.kind and dead_letter.kind "
                      "are not \"kafka\"");
    }
    logging::Logger log({.level = config::LogLevel::kError});
    kafka::KafkaSettings settings = application::kafka_settings(*config, "", {}, log);
    settings.log = {};  // errors come back from the calls
    auto admin = kafka::TopicAdmin::create(settings);
    if (!admin) return fail(std::move(admin).error());
    std::size_t bad = 0;
    for (PlannedTopic& topic : topics) {
      if (replication > 0) topic.spec.replication = static_cast<std::int32_t>(replication);
      for (const std::string& name : skipped) topic.spec.config.erase(name);
      const auto suits = look_after(**admin, topic, console);
      if (!suits) return fail(Error(suits.error()).with_context(topic.spec.name));
      bad += *suits ? 0 : 1;
    }
    if (bad == 0) return {};
    return fail(ErrorCode::kConflict,
                fmt::format("{} of {} topics do not suit", bad, topics.size()));
  }

  std::string config_path;
  std::vector<std::string> overrides;
  bool create = false;
  std::uint32_t partitions = 8;
  std::uint32_t replication = 0;
  std::vector<std::string> skipped;

 private:
  // A topic that was created takes the brokers a moment to tell of.
  static Result<kafka::TopicState> await_topic(kafka::TopicAdmin& admin, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      auto state = admin.inspect(name);
      if (!state || state->exists || std::chrono::steady_clock::now() >= deadline) return state;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  // A cluster's policy may refuse a setting, or leave creating topics to its administrators.
  static Error with_way_out(Error error, const kafka::TopicSpec& spec) {
    if (error.retryable) return error;
    std::string command = "kafka-topics.sh --bootstrap-server BROKER --create --topic " +
                          spec.name + fmt::format(" --partitions {}", spec.partitions);
    if (spec.replication > 0) command += fmt::format(" --replication-factor {}", spec.replication);
    for (const auto& [name, value] : spec.config)
      command += fmt::format(" --config {}={}", name, value);
    error.message +=
        "\nLeave a setting out with --skip-config NAME, or have an administrator run:\n  " +
        command;
    return error;
  }

  // Whether the topic suits in the end.
  Result<bool> look_after(kafka::TopicAdmin& admin, const PlannedTopic& topic,
                          Console& console) const {
    auto state = admin.inspect(topic.spec.name);
    if (!state) return fail(std::move(state).error());
    std::string_view how = "";
    if (!state->exists && create) {
      if (auto made = admin.create_topic(topic.spec); !made) {
        return fail(with_way_out(std::move(made).error(), topic.spec));
      }
      state = await_topic(admin, topic.spec.name);
      if (!state) return fail(std::move(state).error());
      how = " (created)";
    }
    const std::string title = fmt::format("{} ({})", topic.spec.name, topic.key);
    if (!state->exists) {
      console.out << "missing  " << title << ": create it with --create\n";
      return false;
    }
    kafka::TopicSpec wanted = topic.spec;
    // How many partitions and replicas there should be is the operators' to say, unless one is a
    // must.
    if (topic.events) wanted.partitions = 1;
    const auto objections = kafka::objections(wanted, *state);
    console.out << fmt::format("{}  {}: {} partition{}, {} replica{}{}\n",
                               objections.empty() ? "ok     " : "problem", title, state->partitions,
                               state->partitions == 1 ? "" : "s", state->replicas,
                               state->replicas == 1 ? "" : "s", how);
    for (const std::string& objection : objections) console.out << "         " << objection << "\n";
    return objections.empty();
  }
};

}  // namespace

AddedCommand add_topics(CLI::App& parent) {
  auto command = std::make_unique<TopicsCommand>();
  CLI::App* const app = parent.add_subcommand(
      "topics", "Check the Kafka topics of a configuration, and create those that are missing");
  app->add_option("-c,--config", command->config_path, "The configuration file")->required();
  app->add_option("--set", command->overrides,
                  "Set a configuration key over the file; may be repeated");
  app->add_flag("--create", command->create, "Create topics that are missing");
  app->add_option("--partitions", command->partitions,
                  "Partitions of the topic of events, if it is created")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  app->add_option("--replication", command->replication,
                  "Replicas of topics that are created; 0: the brokers' default")
      ->check(CLI::Range(0, 100));
  app->add_option(
      "--skip-config", command->skipped,
      "A topic setting that is neither set nor checked, as in --skip-config segment.ms, "
      "where the brokers' policy refuses it; may be repeated");
  app->footer(
      "The mapping topic must be compacted and have one partition. Topics that exist are never\n"
      "changed: unsuitable settings are listed with what to change (exit code 1).\n"
      "\n"
      "Examples:\n"
      "  remapd topics --config /etc/remapd/remapd.toml\n"
      "  remapd topics --config /etc/remapd/remapd.toml --create --partitions 16 --replication 3");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
