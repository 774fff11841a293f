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
config::Config inspect(const std::filesystem::path& log, std::string& printed,
                       const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"inspect-events", "--events", log.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Invocation run = invoke(arguments);
  EXPECT_EQ(run.code, ExitCode::kOk) << run.err;
  printed = run.out;
  auto config = config::parse_config(run.out, "printed.toml");
  EXPECT_TRUE(config) << run.out;
  return config ? std::move(*config) : config::Config();
}

std::vector<std::string> paths(const config::Config& config) {
  std::vector<std::string> out;
  for (const config::Feature& feature : config.features) {
    out.push_back(feature.path.empty() ? feature.name : feature.path);
  }
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
  EXPECT_EQ(config.tables[1].rows, 60U);
  EXPECT_EQ(config.tables[0].name, "user");
  EXPECT_THAT(printed, HasSubstr("configuration below: 500 samples, 1 refused"));
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
  EXPECT_THAT(paths(config), ElementsAre("user", "shown[].ad"));
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
  EXPECT_THAT(paths(config), ElementsAre("userId", "movieId"));
  // And check-config accepts it as it was printed.
  write_file(dir / "remapd.toml", printed);
  const Invocation check = invoke({"check-config", "--config", (dir / "remapd.toml").string(),
                                   "--set", "sink.directory.path=" + (dir / "mappings").string()});
  EXPECT_EQ(check.code, ExitCode::kOk) << check.out << check.err;
}

TEST(InspectEvents, RowsAreATenthOfTheIdsOfTheWholeLog) {
  const TempDir dir;
  std::string text = "item_id,user_id,tags,label,order_id\n";
  for (int i = 0; i < 30'000; ++i) {
    text += std::to_string(i % 20'000) + "," + std::to_string(i % 500) + ",t" +
            std::to_string(i % 7) + "|t" + std::to_string(i % 11) + "|u" + std::to_string(i % 13) +
            ",1," + std::to_string(i / 2) + "\n";
  }
  std::filesystem::create_directory(dir / "logs");
  write_file(dir / "logs/part-1.csv", text);
  std::string printed;
  const config::Config config = inspect(dir / "logs", printed);
  EXPECT_EQ(config.source.file.multi_value_separator, "|");
  EXPECT_EQ(config.source.decode.label, "");
  EXPECT_THAT(paths(config), ElementsAre("user_id", "item_id", "tags"));
  EXPECT_EQ(config.tables[0].rows, 500U);  // few: a row for each
  EXPECT_NEAR(config.tables[1].rows, 2'000, 40);
  EXPECT_EQ(config.tables[2].rows, 24U);
  EXPECT_THAT(printed, HasSubstr("label: left out: is 1 in every record"));
  EXPECT_THAT(printed, HasSubstr("order_id: left out: numbers single visits"));
}

TEST(InspectEvents, ProtobufByItsDescriptorSet) {
  // protoc --descriptor_set_out of: syntax = "proto3"; message E { uint64 user = 1;
  // string item = 2; bool clicked = 3; }
  const auto field = [](const std::string& name, char number, char type) {
    const std::string body = "\x0a" + std::string(1, static_cast<char>(name.size())) + name +
                             "\x18" + number + "\x20\x01\x28" + type;
    return "\x12" + std::string(1, static_cast<char>(body.size())) + body;
  };
  const std::string message = std::string("\x0a\x01") + "E" + field("user", 1, 4) +
                              field("item", 2, 9) + field("clicked", 3, 8);
  const std::string file =
      "\x0a\x07"
      "e.proto"
      "\x22" +
      std::string(1, static_cast<char>(message.size())) + message +
      "\x62\x06"
      "proto3";
  const TempDir dir;
  write_file(dir / "e.desc", "\x0a" + std::string(1, static_cast<char>(file.size())) + file);
  std::string log;
  for (int i = 0; i < 300; ++i) {
    std::string record = "\x08" + std::string(1, static_cast<char>(1 + i % 20)) + "\x12\x02" + "i" +
                         static_cast<char>('a' + i % 26);
    if (i % 3 == 0) record += "\x18\x01";
    log += static_cast<char>(record.size()) + record;
  }
  write_file(dir / "log.binpb", log);
  std::string printed;
  const config::Config config =
      inspect(dir / "log.binpb", printed, {"--descriptor-set", (dir / "e.desc").string()});
  EXPECT_EQ(config.source.decode.label, "clicked");
  EXPECT_THAT(paths(config), ElementsAre("user", "item"));
  EXPECT_THAT(printed, HasSubstr("configuration below: 300 samples, 0 refused"));
  EXPECT_THAT(invoke({"inspect-events", "--events", (dir / "log.binpb").string()}).err,
              HasSubstr("--descriptor-set"));
}

TEST(InspectEvents, WordsOfColumnsMayBeBooleans) {
  const TempDir dir;
  std::string text = "\xef\xbb\xbf\"user id\",item,clicked?\r\n";
  for (int i = 0; i < 300; ++i) {
    text += std::to_string(i % 30) + ",\"x " + std::to_string(i % 70) + "\ny\"," +
            (i % 4 == 0 ? "True" : "False") + "\r\n";
  }
  write_file(dir / "log.csv", text);
  std::string printed;
  const config::Config config = inspect(dir / "log.csv", printed);
  EXPECT_EQ(config.source.decode.label, "clicked?");
  EXPECT_THAT(paths(config), ElementsAre("user id", "item"));
  EXPECT_THAT(printed, HasSubstr("configuration below: 300 samples, 0 refused"));
}

TEST(InspectEvents, SaysWhatItCannotRead) {
  const TempDir dir;
  write_file(dir / "numbers.tsv", "7\t8\n9\t10\n");
  EXPECT_THAT(invoke({"inspect-events", "--events", (dir / "numbers.tsv").string()}).err,
              HasSubstr("is the header line missing?"));
  write_file(dir / "pretty.json", "[\n  {\n    \"user\": 7\n  }\n]\n");
  EXPECT_THAT(invoke({"inspect-events", "--events", (dir / "pretty.json").string()}).err,
              HasSubstr("an object a line"));
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
