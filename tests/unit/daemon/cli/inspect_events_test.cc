#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_loader.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/cli/invoke.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

// The configuration that is printed for a log.
config::Config inspect(const std::filesystem::path& log, std::string& printed) {
  const Invocation run = invoke({"inspect-events", "--events", log.string()});
  EXPECT_EQ(run.code, ExitCode::kOk) << run.err;
  printed = run.out;
  auto config = config::parse_config(run.out, "printed.toml");
  EXPECT_TRUE(config) << run.out;
  return config ? std::move(*config) : config::Config();
}

std::vector<std::string> paths(const config::Config& config) {
  std::vector<std::string> out;
  for (const config::Feature& feature : config.features) out.push_back(feature.path);
  return out;
}

TEST(InspectEvents, NestedClicks) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "{\"event_id\":\"e" + std::to_string(i) +
            "\",\"ts\":" + std::to_string(1'740'823'200 + i) + ",\"event\":\"" +
            (i % 3 == 0 ? "click" : "view") +
            "\",\"context\":{\"user\":{\"id\":" + (i % 5 == 0 ? "-1" : std::to_string(i % 40)) +
            "}},\"items\":[{\"sku\":\"B" + std::to_string(i % 60) +
            "\",\"price\":" + std::to_string(i) + ".5}]}\n";
  }
  write_file(dir / "clicks.ndjson", text + "nonsense\n");
  std::string printed;
  const config::Config config = inspect(dir / "clicks.ndjson", printed);
  EXPECT_EQ(config.source.decode.label, "event");
  EXPECT_THAT(config.source.decode.label_true, ElementsAre(config::Literal("click")));
  EXPECT_EQ(config.source.decode.time, "ts");
  EXPECT_THAT(paths(config), ElementsAre("context.user.id", "items[].sku"));
  EXPECT_THAT(config.features[0].ignore, ElementsAre(config::Literal(std::int64_t{-1})));
  EXPECT_EQ(config.tables[1].rows, 6U);
  EXPECT_THAT(printed, HasSubstr("no JSON (1)"));
  EXPECT_THAT(printed, HasSubstr("event_id: left out: is another one in each record"));
  EXPECT_THAT(printed, HasSubstr("items[].price: left out: has fractions"));
}

TEST(InspectEvents, ImpressionsHaveASamplePerElement) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "{\"user\":\"u" + std::to_string(i % 30) +
            "\",\"shown\":[{\"ad\":" + std::to_string(i % 50) +
            ",\"clicked\":true},{\"ad\":" + std::to_string(i % 49) + ",\"clicked\":false}]}\n";
  }
  write_file(dir / "shown.ndjson", text);
  std::string printed;
  const config::Config config = inspect(dir / "shown.ndjson", printed);
  EXPECT_EQ(config.source.decode.label, "shown[].clicked");
  EXPECT_EQ(config.source.decode.sample_per, "shown");
  EXPECT_THAT(paths(config), ElementsAre("shown[].ad", "user"));
}

TEST(InspectEvents, ColumnsWithStars) {
  const TempDir dir;
  std::string text = "userId;movieId;rating;when\n";
  for (int i = 0; i < 300; ++i) {
    text += std::to_string(i % 30) + ";" + std::to_string(i % 70) + ";" +
            std::to_string(1 + i % 5) + ";2025-03-01 10:00:" + std::to_string(10 + i % 50) + "\n";
  }
  write_file(dir / "ratings.csv", text);
  std::string printed;
  const config::Config config = inspect(dir / "ratings.csv", printed);
  EXPECT_EQ(config.source.file.separator, ";");
  EXPECT_EQ(config.source.decode.label, "rating");
  EXPECT_THAT(config.source.decode.label_true,
              ElementsAre(config::Literal(std::int64_t{4}), config::Literal(std::int64_t{5})));
  EXPECT_EQ(config.source.decode.time, "when");
  EXPECT_THAT(paths(config), ElementsAre("movieId", "userId"));
  // And check-config accepts it as it was printed.
  write_file(dir / "remapd.toml", printed);
  const Invocation check = invoke({"check-config", "--config", (dir / "remapd.toml").string(),
                                   "--set", "sink.directory.path=" + (dir / "mappings").string()});
  EXPECT_EQ(check.code, ExitCode::kOk) << check.out << check.err;
}

TEST(InspectEvents, SaysWhatItCannotRead) {
  const TempDir dir;
  write_file(dir / "x.ndjson", "nonsense\n[1,2]\n");
  const Invocation none = invoke({"inspect-events", "--events", (dir / "x.ndjson").string()});
  EXPECT_EQ(none.code, ExitCode::kFailure);
  EXPECT_THAT(none.err, HasSubstr("no record of"));
  EXPECT_EQ(invoke({"inspect-events"}).code, ExitCode::kUsage);
  EXPECT_THAT(invoke({"inspect-events", "--events", "/no/such/log.ndjson"}).err,
              HasSubstr("cannot open"));
}

}  // namespace
}  // namespace remapd::cli
