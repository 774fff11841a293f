// The click-trainer program as a person starts it: on a generated log and the mapping directory
// that was published from it.
#include <array>
#include <cstdio>
#include <filesystem>
#include <future>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "connectors/files/event_generator.h"
#include "connectors/files/log_reader.h"
#include "connectors/files/log_writer.h"
#include "tests/support/published_log.h"
#include "tests/support/temp_dir.h"

namespace remapd {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::uint32_t kUserRows = 300;
constexpr std::uint32_t kItemRows = 150;
constexpr int kMessages = 160;
constexpr int kSamples = kMessages * 256;
constexpr pipeline::PublishSchedule::Config kSchedule{.every_samples = 5'000,
                                                      .first_samples = 2'000,
                                                      .full_samples = 5'000,
                                                      .growth = 1.5,
                                                      .full_samples_per_id = 0};

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class ClickTrainer : public testing::Test {
 protected:
  ClickTrainer() {
    const auto generator = files::EventGenerator::create({.seed = 3,
                                                          .users = 3'000,
                                                          .items = 1'500,
                                                          .communities = 30,
                                                          .categories = 12,
                                                          .signal = 1.5});
    const auto writer = files::LogFileWriter::create({.path = log_}, generator->schema());
    pipeline::EventBatch batch;
    auto copy = *generator;
    for (int m = 0; m < kMessages; ++m) {
      copy.next(batch);
      EXPECT_TRUE((*writer)->write(batch));
    }
    EXPECT_TRUE((*writer)->close());
  }

  // The versions of the first `until` samples.
  void publish(std::uint64_t until = ~std::uint64_t{0}) {
    pipeline::EngineConfig config;
    config.tables = {{.name = "user", .rows = kUserRows, .max_tracked_ids = 10'000},
                     {.name = "item", .rows = kItemRows, .max_tracked_ids = 10'000},
                     {.name = "category", .rows = 12, .max_tracked_ids = 100}};
    config.features = {
        {"user", TableIndex{0}}, {"item", TableIndex{1}}, {"category", TableIndex{2}}};
    const auto source = files::LogFileSource::create(
        {.path = log_}, pipeline::FeatureSchema(config.features), nullptr);
    ASSERT_TRUE(source && (*source)->start({}));
    test_support::LogPublisher publisher(mappings_, std::move(config), kSchedule);
    publisher.run(**source, until);
    versions_ = publisher.version(TableIndex{0}).value;
  }

  Outcome run(const std::string& arguments) const {
    const std::filesystem::path err = dir_ / "stderr";
    const std::string command =
        fmt::format("'{}/bin/click-trainer' {} 2>'{}'", REMAPD_BINARY_DIR, arguments, err.string());
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      out.append(buffer.data(), n);
    }
    const int status = ::pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out, test_support::read_file(err)};
  }

  // Publishes while the program trains.
  Outcome train_along(const std::string& more, std::uint64_t until = ~std::uint64_t{0}) {
    const std::filesystem::path ready = dir_ / "ready";
    std::filesystem::remove(ready);
    std::filesystem::remove_all(mappings_);
    auto outcome = std::async(std::launch::async, [&] {
      return run(fmt::format("{} --ready-file '{}' {}", train(), ready.string(), more));
    });
    while (!std::filesystem::exists(ready) &&
           outcome.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    }
    publish(until);
    return outcome.get();
  }

  std::string train(int user_rows = kUserRows) const {
    return fmt::format(
        "train --events '{}' --features user,item,category --share user={} --share item={} "
        "--mappings '{}' --first-samples {}",
        log_.string(), user_rows, kItemRows, mappings_.string(), kSchedule.first_samples);
  }

  test_support::TempDir dir_;
  std::filesystem::path log_ = dir_ / "events.tsv.gz";
  std::filesystem::path mappings_ = dir_ / "mappings";
  std::uint64_t versions_ = 0;
};

TEST_F(ClickTrainer, SwapsEveryVersionAndTellsHowWellThatWent) {
  const Outcome outcome = train_along("--await-last --json");
  ASSERT_GE(versions_, 8U);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["samples"], kSamples);
  EXPECT_EQ(result["samples_counted"], kSamples - kSamples / 5);
  EXPECT_EQ(result["tables"][0]["table"], "user");
  EXPECT_EQ(result["tables"][0]["versions_published"], versions_);
  EXPECT_EQ(result["tables"][0]["versions_swapped"], versions_);
  EXPECT_EQ(result["tables"][0]["rows"], kUserRows);
  EXPECT_NEAR(result["tables"][0]["traffic_dedicated"].get<double>() +
                  result["tables"][0]["traffic_shared"].get<double>(),
              1, 0.2);
  EXPECT_FALSE(result["tables"][2]["shared"].get<bool>());

  const json& models = result["models"];
  EXPECT_EQ(models["remapd"]["rows"], models["hash"]["rows"]);
  EXPECT_EQ(models["frequency"]["rows"], models["hash"]["rows"]);
  EXPECT_GT(models["full"]["rows"], models["hash"]["rows"]);
  // The generated communities are there to be found: following remapd beats hashing.
  EXPECT_LT(models["remapd"]["ne"].get<double>(), models["hash"]["ne"].get<double>());
  EXPECT_LT(models["full"]["ne"].get<double>(), 1);
  EXPECT_EQ(models["hash"]["gap_closed"], 0);
  EXPECT_EQ(models["full"]["gap_closed"], 1);
}

TEST_F(ClickTrainer, TheSameVersionsGiveTheSameResult) {
  const Outcome first = train_along("--json --quiet");
  const Outcome second = train_along("--json --quiet");
  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(json::parse(first.out)["models"], json::parse(second.out)["models"]);
}

TEST_F(ClickTrainer, ATableForPeople) {
  const Outcome outcome = train_along("");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("published"));
  EXPECT_THAT(outcome.out, HasSubstr("NE"));
  for (const char* model : {"full", "hash", "frequency", "remapd"}) {
    EXPECT_THAT(outcome.out, HasSubstr(model));
  }
}

TEST_F(ClickTrainer, TellsWhenRemapdHasStopped) {
  const Outcome outcome = train_along("--patience 2", 20'000);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("no new version of table \"user\""));
  EXPECT_THAT(outcome.err, HasSubstr("is remapd running"));
}

TEST_F(ClickTrainer, JoinsADaemonOfSomeAgeWithItsNewestVersion) {
  publish(20'000);
  const Outcome outcome = run(train() + " --free --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["samples"], kSamples);
  EXPECT_EQ(result["tables"][0]["versions_swapped"], 1);
  EXPECT_EQ(result["tables"][0]["version"], versions_);

  const Outcome in_step = run(train());
  EXPECT_EQ(in_step.code, 1);
  EXPECT_THAT(in_step.err, HasSubstr("start it before remapd"));
}

TEST_F(ClickTrainer, NamesTheOptionWhenRowBudgetsDiffer) {
  publish(3'000);
  const Outcome outcome = run(train(kUserRows + 1));  // version 1 alone: in step
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("built with rows = 300, this client was opened with rows = 301"));
}

TEST_F(ClickTrainer, SurveySizesTables) {
  const Outcome outcome =
      run(fmt::format("survey --events '{}' --features user,category --rows 0.1", log_.string()));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(fmt::format("samples\t{}\n", kSamples)));
  EXPECT_THAT(outcome.out, HasSubstr("\tshared\n"));
  EXPECT_THAT(outcome.out, HasSubstr("feature\tcategory\t12\t12\town\n"));
}

TEST_F(ClickTrainer, SurveyWritesSamplesWithNegatives) {
  const std::filesystem::path samples = dir_ / "samples.tsv";
  const Outcome outcome =
      run(fmt::format("survey --events '{}' --features user,item --negatives item --out '{}'",
                      log_.string(), samples.string()));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(fmt::format("samples\t{}\n", 2 * kSamples)));
  EXPECT_THAT(outcome.out, HasSubstr(fmt::format("labels\t{}\t{}\t0\n", kSamples, kSamples)));
  EXPECT_TRUE(std::filesystem::exists(samples));
}

TEST_F(ClickTrainer, SaysWhatIsWrongWithItsArguments) {
  EXPECT_THAT(run(train() + " --share nobody=3").err, HasSubstr("nobody"));
  EXPECT_THAT(run(train() + " --share user=none").err, HasSubstr("FEATURE=ROWS"));
  EXPECT_THAT(run("train --features user --share user=3").err, HasSubstr("--mappings"));
  EXPECT_THAT(run("survey --features user").err, HasSubstr("--events"));
  EXPECT_THAT(run("survey --events /nowhere.tsv --features user").err, HasSubstr("/nowhere.tsv"));
}

}  // namespace
}  // namespace remapd
