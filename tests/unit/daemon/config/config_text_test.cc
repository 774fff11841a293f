#include "daemon/config/config_text.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/config_schema.h"

namespace remapd::config {
namespace {

std::string read(const std::string& name) {
  std::ifstream in(std::string(REMAPD_SOURCE_DIR) + "/configs/" + name, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

Config parse(const std::string& text) {
  auto config = parse_config(text, "test.toml");
  if (!config) {
    ADD_FAILURE() << to_string(config.error().front());
    return {};
  }
  return *config;
}

TEST(ReferenceText, IsTheShippedFile) {
  EXPECT_EQ(read("remapd.toml"), reference_text())
      << "write it anew: remapd check-config --print-default > configs/remapd.toml";
}

TEST(ReferenceText, ParsesToTheDefaults) {
  EXPECT_TRUE(changes(parse(reference_text()), reference_config()).empty());
}

TEST(ReferenceText, HasEveryKeyWithMeaningAndDefault) {
  const std::string text = reference_text();
  const auto expect = [&](const std::string& path, const auto& key) {
    EXPECT_THAT(text, testing::HasSubstr("\n" + key.info.name + " = "))
        << path << "." << key.info.name;
    EXPECT_THAT(text, testing::HasSubstr(key.info.meaning.substr(0, 40)));
  };
  for (const Section& section : config_schema().sections) {
    EXPECT_THAT(text, testing::HasSubstr("[" + section.path + "]"));
    for (const auto& key : section.keys) expect(section.path, key);
  }
  for (const auto& key : config_schema().table.keys) expect("table", key);
  for (const auto& key : config_schema().feature.keys) expect("feature", key);
}

TEST(ReferenceText, ItsPropertyExamplesAreValid) {
  std::string text = reference_text();
  for (const PropertySection& section : config_schema().properties) {
    for (const std::string& example : section.examples) {
      const std::size_t at = text.find("# " + example);
      ASSERT_NE(at, std::string::npos) << example;
      text.erase(at, 2);
    }
  }
  const Config config = parse(text);
  EXPECT_EQ(config.kafka.properties.at("sasl.username"), "remapd");
  EXPECT_EQ(config.kafka.secret_files.at("sasl.password"), "kafka-password");
}

TEST(ReferenceText, LinesAreNoWiderThanTheFile) {
  const std::string text = reference_text();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100U) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(DevelopmentFile, IsValid) {
  EXPECT_FALSE(parse(read("development.toml")).tables.empty());
}

TEST(ToToml, ReadsBackTheSame) {
  Config config = reference_config();
  config.instance.name = "a \"quoted\" name\\";
  config.source.kind = SourceKind::kKafka;
  config.source.kafka.properties["fetch.min.bytes"] = "1";
  config.kafka.properties["x = [y]"] = "#";
  config.publish.wait_for_publish = false;
  config.publish.interval = 1500ms;
  config.tables[0].new_id_share = 0.3;
  config.tables[1].strategy = mapping::Strategy::kDoubleHash;
  config.learning.mini_batch = 1;
  const Config again = parse(to_toml(config));
  EXPECT_EQ(to_toml(again), to_toml(config));
  EXPECT_TRUE(changes(config, again).empty());
  EXPECT_EQ(again.instance.name, config.instance.name);
  EXPECT_EQ(again.kafka.properties, config.kafka.properties);
  EXPECT_EQ(again.tables[0].new_id_share, 0.3);
}

TEST(Changes, NameKeysAndWhetherAReloadAppliesThem) {
  const Config before = reference_config();
  Config after = before;
  after.log.level = LogLevel::kDebug;
  after.tables[1].rows = 7;
  after.kafka.properties["a"] = "b";
  const auto found = changes(before, after);
  std::map<std::string, Reload> by_key;
  for (const Change& change : found) by_key[change.key] = change.reload;
  const std::map<std::string, Reload> expected{{"log.level", Reload::kLive},
                                               {"table[1].rows", Reload::kRestart},
                                               {"kafka.properties", Reload::kRestart}};
  EXPECT_EQ(by_key, expected);
}

TEST(Changes, SeeEntriesThatCameAndWent) {
  const Config before = reference_config();
  Config after = before;
  after.features.pop_back();
  EXPECT_FALSE(changes(before, after).empty());
  EXPECT_FALSE(changes(after, before).empty());
}

}  // namespace
}  // namespace remapd::config
