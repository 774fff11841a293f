// [source.decode] and the paths of [[feature]]: what they need, exclude and stand for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/config_text.h"
#include "daemon/config/record_layout.h"

namespace remapd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kRest =
    "\n[[table]]\nname = \"user\"\nrows = 10\n[[feature]]\nname = \"user\"\n";

std::vector<std::string> problems(const std::string& decode, const std::string& feature = "",
                                  const std::string& kind = "kafka") {
  const auto config = parse_config(
      "[source]\nkind = \"" + kind + "\"\n[source.decode]\n" + decode + kRest + feature, "f.toml");
  std::vector<std::string> out;
  if (config) return out;
  for (const Problem& problem : config.error()) out.push_back(to_string(problem));
  return out;
}

Config config_of(const std::string& decode, const std::string& feature = "") {
  auto config = parse_config(
      "[source]\nkind = \"kafka\"\n[source.decode]\n" + decode + kRest + feature, "f.toml");
  EXPECT_TRUE(config);
  return config ? std::move(*config) : Config();
}

TEST(DecodeChecks, AutoIsWhatTheOtherKeysAskFor) {
  EXPECT_EQ(record_format(config_of("")), RecordFormat::kAccessBatch);
  EXPECT_EQ(record_format(config_of("label = \"y\"")), RecordFormat::kJson);
  EXPECT_EQ(record_format(config_of("", "path = \"a.b\"")), RecordFormat::kJson);
  EXPECT_EQ(record_format(config_of("schema_file = \"a.avsc\"")), RecordFormat::kAvro);
  EXPECT_EQ(record_format(config_of("descriptor_set = \"a\"")), RecordFormat::kProtobuf);
  const Config registry = config_of("framing = \"confluent\"\nschema_registry = \"http://r\"");
  EXPECT_EQ(record_format(registry), RecordFormat::kAuto);
  EXPECT_EQ(decode_options(registry).format, decode::RecordFormat::kRegistry);
}

TEST(DecodeChecks, WhatContradictsItselfIsNamed) {
  EXPECT_THAT(problems("schema_registry = \"http://r\""),
              ElementsAre(HasSubstr("source.decode.framing")));
  EXPECT_THAT(problems("format = \"avro\""),
              ElementsAre(HasSubstr("schema_registry or a schema_file")));
  EXPECT_THAT(problems("format = \"protobuf\""), ElementsAre(HasSubstr("descriptor_set")));
  EXPECT_THAT(problems("label_true = [1]", "path = \"a\""),
              ElementsAre(HasSubstr("label, its path, is empty")));
  EXPECT_THAT(problems("format = \"access_batch\"", "path = \"a\""),
              ElementsAre(HasSubstr("whose layout is fixed")));
  EXPECT_THAT(problems("message = \"A\""), ElementsAre(HasSubstr("source.decode.message")));
  EXPECT_THAT(problems("framing = \"confluent\"", "", "file"),
              ElementsAre(HasSubstr("a log has none")));
  EXPECT_THAT(problems("label = \"y\"\nlabel_true = [\"a\", 3]\ntime = \"t\"\nsample_per = \"l\"",
                       "path = \"l[].id | x\"\nignore = [0, -1, \"none\"]"),
              IsEmpty());
}

TEST(DecodeChecks, PaddingMayBeIgnoredInOurOwnMessages) {
  EXPECT_THAT(problems("format = \"access_batch\"", "ignore = [0]"), IsEmpty());
  EXPECT_EQ(record_format(config_of("", "ignore = [0]")), RecordFormat::kAccessBatch);
}

TEST(DecodeChecks, TopicsAreNamedOnce) {
  const auto with = [](const std::string& kafka) {
    std::vector<std::string> out;
    const auto config = parse_config("[source]\nkind = \"kafka\"\n[source.kafka]\n" + kafka +
                                         "\n[[table]]\nname = \"a\"\nrows = 5\n"
                                         "[[feature]]\nname = \"a\"\n",
                                     "test.toml");
    if (!config) {
      for (const Problem& problem : config.error()) out.push_back(to_string(problem));
    }
    return out;
  };
  EXPECT_THAT(with("positive_topics = [\"p\"]\nnegative_topics = [\"n\", \"m\"]"), IsEmpty());
  EXPECT_THAT(with("topics = [\"p\"]\nnegative_topics = [\"p\"]"), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(with("topic = \"t\"\ntopics = [\"p\"]"),
              ElementsAre(HasSubstr("name it in one of them")));
  EXPECT_THAT(with("topics = [\"p\", 3]"), ElementsAre(HasSubstr("a list of strings")));
}

TEST(DecodeChecks, PathsAreCheckedAndListsHoldIntegersAndStrings) {
  EXPECT_THAT(problems("label = \"a..b\""), ElementsAre(HasSubstr("source.decode.label")));
  EXPECT_THAT(problems("", "path = \"a[\""), ElementsAre(HasSubstr("path of feature \"user\"")));
  EXPECT_THAT(problems("sample_per = \"a[].b\""), ElementsAre(HasSubstr("must name one list")));
  EXPECT_THAT(problems("", "ignore = [1.5]"),
              ElementsAre(HasSubstr("list of integers and strings")));
  EXPECT_THAT(problems("", "ignore = 0"), ElementsAre(HasSubstr("must be a list")));
}

TEST(DecodeChecks, IsWrittenAndReadBack) {
  const Config config = config_of("label = \"e\"\nlabel_true = [\"cl\\\"ick\", 4]",
                                  "path = 'a\\.b[]'\nignore = [-1, \"\"]");
  const auto again = parse_config(to_toml(config), "again.toml");
  ASSERT_TRUE(again) << to_string(again.error().front());
  EXPECT_TRUE(changes(config, *again).empty());
  EXPECT_EQ(again->features[0].path, "a\\.b[]");
  EXPECT_EQ(again->features[0].ignore, config.features[0].ignore);
}

}  // namespace
}  // namespace remapd::config
