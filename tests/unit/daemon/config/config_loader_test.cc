#include "daemon/config/config_loader.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kTables =
    "[[table]]\nname = \"t\"\nrows = 10\n[[feature]]\nname = \"t\"\n";

// Every problem of `toml`, as the user sees them.
std::vector<std::string> problems(const std::string& toml,
                                  const std::vector<std::string>& overrides = {}) {
  const auto config = parse_config(toml, "f.toml", overrides);
  std::vector<std::string> out;
  if (config) return out;
  for (const Problem& problem : config.error()) out.push_back(to_string(problem));
  return out;
}

// The problems of a text put before valid tables.
std::vector<std::string> problems_above(const std::string& toml) {
  return problems(toml + "\n" + std::string(kTables));
}

TEST(ParseConfig, ReadsValuesAndKeepsDefaults) {
  const auto config = parse_config(
      "[publish]\ngrowth = 2\ninterval = \"5m\"\n[source]\nkind = \"kafka\"\n[source.kafka]\ntopic "
      "= \"x\"\n" +
          std::string(kTables),
      "f.toml");
  ASSERT_TRUE(config) << to_string(config.error().front());
  EXPECT_EQ(config->publish.growth, 2.0);
  EXPECT_EQ(config->publish.interval, 5min);
  EXPECT_EQ(config->source.kind, SourceKind::kKafka);
  EXPECT_EQ(config->source.kafka.topic, "x");
  EXPECT_EQ(config->publish.first_samples, Publish{}.first_samples);
  ASSERT_EQ(config->tables.size(), 1U);
  EXPECT_EQ(config->tables[0].rows, 10U);
}

TEST(ParseConfig, UnknownKeyGetsPlaceAndSuggestion) {
  EXPECT_THAT(problems_above("[publish]\nevry_samples = 3"),
              ElementsAre("f.toml:2:1: publish.evry_samples: unknown key; did you mean "
                          "every_samples?"));
}

TEST(ParseConfig, UnknownKeyOfAnotherSectionIsPointedThere) {
  EXPECT_THAT(problems_above("[log]\ngrowth = 3"),
              ElementsAre("f.toml:2:1: log.growth: unknown key; did you mean the one of "
                          "[publish]?"));
  EXPECT_THAT(problems_above("growth = 3"),
              ElementsAre(HasSubstr("did you mean the one of [publish]?")));
}

TEST(ParseConfig, UnknownKeyUnlikeAnyGetsTheList) {
  EXPECT_THAT(problems_above("[log]\nverbosity_of_lines = 3"),
              ElementsAre("f.toml:2:1: log.verbosity_of_lines: unknown key; [log] has level, "
                          "format"));
}

TEST(ParseConfig, UnknownSectionGetsSuggestion) {
  EXPECT_THAT(problems_above("[publsh]\ngrowth = 3"),
              ElementsAre(HasSubstr("publsh: unknown section; did you mean publish?")));
  EXPECT_THAT(problems_above("[source.fiel]\npath = \"x\""),
              ElementsAre(HasSubstr("did you mean source.file?")));
}

TEST(ParseConfig, UnknownKeyOfATable) {
  EXPECT_THAT(problems("[[table]]\nname = \"t\"\nrwos = 3\nrows = 3\n[[feature]]\nname = \"t\"\n"),
              ElementsAre("f.toml:3:1: table[0].rwos: unknown key; did you mean rows?"));
}

TEST(ParseConfig, WrongTypesAndBounds) {
  EXPECT_THAT(problems_above("[publish]\ngrowth = \"fast\"\nfirst_samples = 0"),
              ElementsAre("f.toml:2:1: publish.growth must be a number, not the string \"fast\"",
                          "f.toml:3:1: publish.first_samples is 0, must be at least 1"));
}

TEST(ParseConfig, SectionsAndKeysAreNotMixedUp) {
  EXPECT_THAT(problems_above("publish = 3"), ElementsAre(HasSubstr("publish is a section: write "
                                                                   "[publish]")));
  EXPECT_THAT(problems("[table]\nname = \"t\"\n"),
              ElementsAre(HasSubstr("table may stand several times: write [[table]]")));
  EXPECT_THAT(problems_above("[publish.growth]\nx = 1"),
              ElementsAre(HasSubstr("publish.growth must be a number, not a section")));
}

TEST(ParseConfig, RequiredKeysOfTablesAndFeatures) {
  EXPECT_THAT(problems("[[table]]\nname = \"t\"\n\n[[feature]]\ntable = \"t\"\n"),
              ElementsAre("f.toml:1:1: table[0] has no rows: add rows = ..., a whole number",
                          "f.toml:4:1: feature[0] has no name: add name = ..., a string"));
}

TEST(ParseConfig, SyntaxErrorsNameTheLine) {
  const auto found = problems("[log]\nlevel = \n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], testing::StartsWith("f.toml:2:"));
}

TEST(ParseConfig, AllProblemsAreToldInTheOrderOfTheFile) {
  const auto found = problems_above("[log]\nlevle = 1\n[admin]\nmax_connections = 0\n[lgo]\n");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_THAT(found[0], HasSubstr(":2:"));
  EXPECT_THAT(found[1], HasSubstr(":4:"));
  EXPECT_THAT(found[2], HasSubstr(":5:"));
}

TEST(ParseConfig, PropertiesTakeAnyKeyQuotedOrDotted) {
  const auto config = parse_config(
      "[kafka.properties]\n\"socket.nagle.disable\" = true\nfetch.max.bytes = 5\nsome.\"x.y\" = "
      "\"v\"\n" +
          std::string(kTables),
      "f.toml");
  ASSERT_TRUE(config) << to_string(config.error().front());
  const Properties expected{
      {"fetch.max.bytes", "5"}, {"socket.nagle.disable", "true"}, {"some.x.y", "v"}};
  EXPECT_EQ(config->kafka.properties, expected);
}

TEST(ParseConfig, SecretsMustNotStandInTheFile) {
  const auto found = problems_above("[kafka.properties]\nsasl.password = \"hunter2\"\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("[kafka.secret_files]"));
  EXPECT_THAT(found[0], testing::Not(HasSubstr("hunter2")));
  EXPECT_TRUE(problems_above("[kafka.secret_files]\nsasl.password = \"/run/secret\"\n").empty());
}

TEST(ParseConfig, PropertiesMustBeScalars) {
  EXPECT_THAT(problems_above("[kafka.properties]\nx = [1]\n"),
              ElementsAre(HasSubstr("kafka.properties.x must be a string, a number or a boolean, "
                                    "not an array")));
}

TEST(Overrides, ComeAfterTheFile) {
  const std::vector<std::string> overrides{"publish.growth=3", "source.file.path=/tmp/a b.tsv",
                                           "log.format=\"json\"", "instance.name=42x"};
  const auto config =
      parse_config("[publish]\ngrowth = 2\n" + std::string(kTables), "f.toml", overrides);
  ASSERT_TRUE(config) << to_string(config.error().front());
  EXPECT_EQ(config->publish.growth, 3.0);
  EXPECT_EQ(config->source.file.path, "/tmp/a b.tsv");
  EXPECT_EQ(config->log.format, LogFormat::kJson);
  EXPECT_EQ(config->instance.name, "42x");
}

TEST(Overrides, AreCheckedLikeTheFile) {
  EXPECT_THAT(problems(std::string(kTables), {"publish.grwoth=3"}),
              ElementsAre(HasSubstr("did you mean growth?")));
  EXPECT_THAT(problems(std::string(kTables), {"publish.growth=0"}),
              ElementsAre(testing::AllOf(HasSubstr("--set publish.growth=0"),
                                         HasSubstr("must be 1.0 to 100.0"))));
  EXPECT_THAT(problems(std::string(kTables), {"=="}),
              ElementsAre(HasSubstr("write it as key=value")));
}

TEST(Overrides, MakeACheckedWhole) {
  EXPECT_THAT(problems(std::string(kTables), {"learning.factors=6"}),
              ElementsAre(HasSubstr("multiple of 4")));
}

TEST(ParseConfig, RefusesKeysWithoutEnd) {
  std::string dots;
  for (int i = 0; i < 100'000; ++i) dots += "a.";
  for (const std::string& text : {dots + "a = 1", "[" + dots + "a]", "[[" + dots + "a]]",
                                  "x = {" + dots + "a = 1}", "\"q\"." + dots + "'b' = 1"}) {
    EXPECT_THAT(problems("\n" + text + "\n"),
                ElementsAre(testing::AllOf(HasSubstr(":2:"), HasSubstr("64 parts"))));
  }
}

TEST(ParseConfig, TakesAnyNumberOfDotsInTextsAndComments) {
  std::string dots(200, '.');
  EXPECT_THAT(problems("# " + dots + "\n[instance]\nname = \"" + dots + "\" # " + dots + "\n" +
                       std::string(kTables)),
              testing::IsEmpty());
}

TEST(LoadConfig, ListsAllProblems) {
  const test_support::TempDir dir;
  const auto path = dir.path() / "c.toml";
  std::ofstream(path) << "[log]\nlevle = 1\nfromat = 1\n" << kTables;
  const auto config = load_config(path);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kConfig);
  EXPECT_THAT(config.error().message,
              testing::AllOf(HasSubstr("c.toml:2:1"), HasSubstr("\n"), HasSubstr("c.toml:3:1")));
}

TEST(LoadConfig, TellsAMissingFileFromAnUnreadableOne) {
  const test_support::TempDir dir;
  const auto missing = load_config(dir.path() / "none.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("none.toml"));
  const auto directory = load_config(dir.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kIo);
  EXPECT_THAT(directory.error().message, HasSubstr("directory"));
}

}  // namespace
}  // namespace remapd::config
