#include "daemon/config/config_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_text.h"

namespace remapd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> problems(const Config& config, const Places& places = {}) {
  std::vector<std::string> out;
  for (const Problem& problem : check_config(config, places, "f.toml")) {
    out.push_back(to_string(problem));
  }
  return out;
}

TEST(CheckConfig, TheReferenceIsGood) {
  EXPECT_TRUE(problems(reference_config()).empty());
}

TEST(CheckConfig, NeedsTablesAndFeatures) {
  EXPECT_THAT(problems(Config{}),
              ElementsAre(HasSubstr("add a [[table]]"), HasSubstr("add a [[feature]]")));
}

TEST(CheckConfig, NamesAreUnique) {
  Config config = reference_config();
  config.tables[1].name = "user";
  config.features[1] = config.features[0];
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("table[1].name is the name of another"),
                                            HasSubstr("feature[1].name is the name of another")));
}

TEST(CheckConfig, EveryTableIsFed) {
  Config config = reference_config();
  config.features.pop_back();
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("table[2] is fed by no feature: add a "
                                                      "[[feature]] section with table = "
                                                      "\"category\"")));
}

TEST(CheckConfig, FeaturesFeedExistingTables) {
  Config config = reference_config();
  config.features.push_back({"friend", "usr"});
  config.features.push_back({"itme", ""});
  const Places places{{"feature[3].table", {"f.toml", 7, 2}}, {"feature[4]", {"f.toml", 9, 1}}};
  EXPECT_THAT(
      problems(config, places),
      ElementsAre("f.toml:7:2: feature[3].table is \"usr\", and there is no such table; did "
                  "you mean \"user\"?",
                  "f.toml:9:1: feature[4] has no table, and there is none of its name "
                  "\"itme\": add table = ...; did you mean \"item\"?"));
}

TEST(CheckConfig, DimensionsAreMultiplesOfFour) {
  Config config = reference_config();
  config.learning.co_access_dimension = 10;
  config.learning.factors = 6;
  EXPECT_THAT(problems(config, {{"learning", {"f.toml", 4, 1}}}),
              ElementsAre("f.toml:4:1: learning.co_access_dimension is 10, must be a multiple of 4",
                          "f.toml:4:1: learning.factors is 6, must be a multiple of 4"));
}

TEST(CheckConfig, SeparatorIsOneCharacter) {
  Config config = reference_config();
  config.source.file.multi_value_separator = "||";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("must be one character")));
  config.source.file.multi_value_separator = "\t";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("must not be")));
  config.source.file.multi_value_separator = "|";
  EXPECT_TRUE(problems(config).empty());
}

TEST(CheckConfig, TheEnginesBoundsHoldToo) {
  Config config = reference_config();
  config.tables[0].rows = 0;
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("rows")));
}

TEST(CheckConfig, ListeningElsewhereNeedsTlsAndAToken) {
  Config config = reference_config();
  for (const char* listen : {"0.0.0.0:9643", "10.0.0.1:80", "[::]:80", "example.org:80"}) {
    config.admin.listen = listen;
    EXPECT_THAT(problems(config), ElementsAre(HasSubstr("needs TLS"))) << listen;
  }
  config.admin.tls_certificate_file = "cert.pem";
  config.admin.tls_key_file = "key.pem";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("a token (token_file)")));
  config.admin.token_file = "token";
  EXPECT_TRUE(problems(config).empty());
  config.admin.listen = "";
  EXPECT_TRUE(problems(config).empty());
}

TEST(CheckConfig, LoopbackAndUnixSocketsNeedNothing) {
  Config config = reference_config();
  for (const char* listen : {"127.0.0.1:1", "localhost:1", "[::1]:0", "unix:/run/a.sock"}) {
    config.admin.listen = listen;
    EXPECT_TRUE(problems(config).empty()) << listen;
  }
}

TEST(CheckConfig, TlsNeedsCertificateAndKeyAndAPort) {
  Config config = reference_config();
  config.admin.tls_certificate_file = "cert.pem";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("admin.tls_key_file is empty")));
  config.admin.tls_key_file = "key.pem";
  config.admin.listen = "unix:/run/a.sock";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("must be empty where admin.listen")));
  config.admin.tls_certificate_file = "";
  EXPECT_THAT(problems(config), ElementsAre(HasSubstr("admin.tls_certificate_file is empty")));
}

TEST(ParseListen, TakesAddressesApart) {
  const auto v4 = parse_listen("127.0.0.1:80");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 80);
  EXPECT_TRUE(v4->local);
  const auto v6 = parse_listen("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 0);
  EXPECT_TRUE(v6->local);
  EXPECT_TRUE(parse_listen("127.9.9.9:1")->local);
  EXPECT_FALSE(parse_listen("10.0.0.1:80")->local);
  EXPECT_FALSE(parse_listen("[::]:80")->local);
  const auto path = parse_listen("unix:/run/remapd/admin.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->unix_path, "/run/remapd/admin.sock");
  EXPECT_TRUE(path->local);
}

TEST(ParseListen, RefusesWhatIsNoAddress) {
  for (const char* text : {"9643", ":9643", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                           "127.0.0.1:65536", "127.0.0.1:-1", "[]:1"}) {
    const auto listen = parse_listen(text);
    ASSERT_FALSE(listen) << text;
    EXPECT_THAT(listen.error().message, HasSubstr("must be an address and a port")) << text;
  }
  for (const std::string& text :
       {std::string("unix:"), std::string("unix:admin.sock"), "unix:/" + std::string(200, 'a')}) {
    const auto listen = parse_listen(text);
    ASSERT_FALSE(listen) << text;
    EXPECT_THAT(listen.error().message, HasSubstr("an absolute path")) << text;
  }
}

}  // namespace
}  // namespace remapd::config
