#include "daemon/config/secret_path.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::config {
namespace {

class SecretPath : public testing::Test {
 protected:
  SecretPath() { ::setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1); }
  ~SecretPath() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
  test_support::TempDir dir_;
};

TEST_F(SecretPath, IsLookedForAmongTheCredentialsFirst) {
  test_support::write_file(dir_ / "kafka-password", "x");
  EXPECT_EQ(secret_path("kafka-password"), (dir_ / "kafka-password").string());
  EXPECT_EQ(secret_path("other"), "other");
  EXPECT_EQ(secret_path("kafka-password/other"), "kafka-password/other");
  EXPECT_EQ(secret_path("/etc/kafka-password"), "/etc/kafka-password");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(secret_path("kafka-password"), "kafka-password");
}

// As without the right to search the directory, which tests that run as root always have.
TEST_F(SecretPath, OneThatCannotBeLookedAtIsTheOneThatIsMeant) {
  std::filesystem::create_symlink(dir_ / "kafka-password", dir_ / "kafka-password");
  EXPECT_EQ(secret_path("kafka-password"), (dir_ / "kafka-password").string());
}

}  // namespace
}  // namespace remapd::config
