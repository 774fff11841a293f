#include "daemon/admin/credentials.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/self_signed.h"
#include "tests/support/temp_dir.h"

namespace remapd::admin {
namespace {

using testing::HasSubstr;

class CredentialsTest : public testing::Test {
 protected:
  void write_token(const std::string& text) {
    std::ofstream(dir_ / "token", std::ios::binary) << text;
    settings_.token_file = dir_ / "token";
  }
  void write_tls() {
    ASSERT_TRUE(test_support::write_self_signed(dir_.path()));
    settings_.tls_certificate_file = dir_ / "cert.pem";
    settings_.tls_key_file = dir_ / "key.pem";
  }
  std::string error() {
    const auto loaded = load_credentials(settings_);
    if (loaded) return "";
    EXPECT_EQ(loaded.error().code, ErrorCode::kConfig);
    return loaded.error().message;
  }

  test_support::TempDir dir_;
  config::Admin settings_;
};

TEST_F(CredentialsTest, NoneAreNeeded) {
  const auto none = load_credentials(settings_);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->token_hash);
  EXPECT_FALSE(none->tls);
  EXPECT_FALSE(none->is_token(""));
}

TEST_F(CredentialsTest, TheTokenIsTheLineInTheFile) {
  write_token("0123456789abcdef\r\n");
  const auto loaded = load_credentials(settings_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->is_token("0123456789abcdef"));
  EXPECT_FALSE(loaded->is_token("0123456789abcdef\n"));
  EXPECT_FALSE(loaded->is_token("0123456789abcdeF"));
  EXPECT_FALSE(loaded->is_token(""));
}

TEST_F(CredentialsTest, TokensThatCannotBeSentOrAreTooShortAreRefused) {
  for (const std::string& bad :
       {std::string(), std::string("short"), std::string("two words of a token"), std::string("\n"),
        std::string(16, '\x80'), std::string(5'000, 'a')}) {
    write_token(bad);
    EXPECT_THAT(error(), HasSubstr("admin.token_file")) << bad;
  }
  settings_.token_file = dir_ / "missing";
  EXPECT_THAT(error(), HasSubstr("No such file"));
  settings_.token_file = dir_.path();
  EXPECT_THAT(error(), HasSubstr("admin.token_file"));
}

TEST_F(CredentialsTest, CertificateAndKeyBelongTogether) {
  write_tls();
  EXPECT_EQ(error(), "");
  std::filesystem::create_directory(dir_ / "other");
  ASSERT_TRUE(test_support::write_self_signed(dir_ / "other"));
  settings_.tls_key_file = dir_ / "other" / "key.pem";
  EXPECT_THAT(error(), HasSubstr("admin.tls_key_file"));
  settings_.tls_certificate_file = dir_ / "missing";
  EXPECT_THAT(error(), HasSubstr("admin.tls_certificate_file"));
}

TEST_F(CredentialsTest, TheStampChangesWithAnyFile) {
  write_token("0123456789abcdef");
  write_tls();
  const std::string before = stamp_of_files(settings_);
  EXPECT_EQ(stamp_of_files(settings_), before);
  write_token("0123456789abcdef and more");
  const std::string after = stamp_of_files(settings_);
  EXPECT_NE(after, before);
  std::filesystem::remove(dir_ / "key.pem");
  EXPECT_NE(stamp_of_files(settings_), after);
}

}  // namespace
}  // namespace remapd::admin
