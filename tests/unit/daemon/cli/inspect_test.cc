// "remapd inspect", in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "connectors/checkpoint/file_checkpoint_store.h"
#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::read_file;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

constexpr const char* kGolden = REMAPD_SOURCE_DIR "/tests/golden/";

TEST(Inspect, DescribesEveryKindOfFile) {
  const std::pair<const char*, const char*> files[] = {
      {"mapping-artifact-v1-narrow.remapd", "artifact"},
      {"mapping-artifact-v1-wide.remapd", "artifact"},
      {"mapping-delta-v1.remapd", "delta"},
      {"migration-plan-v1.remapd", "plan"}};
  for (const auto& [name, kind] : files) {
    const std::string path = std::string(kGolden) + name;
    const auto text = invoke({"inspect", path});
    EXPECT_EQ(text.code, ExitCode::kOk) << text.err;
    EXPECT_THAT(text.out, HasSubstr("hold"));
    const auto json = invoke({"inspect", path, "--json"});
    EXPECT_EQ(nlohmann::json::parse(json.out)["kind"], kind);
  }
}

TEST(Inspect, DescribesACheckpoint) {
  const TempDir dir;
  auto store = checkpoint::FileCheckpointStore::create({.directory = dir.path(), .keep = 3});
  ASSERT_TRUE(store);
  const std::string payload = read_file(std::string(kGolden) + "checkpoint-payload-v1.remapd");
  ASSERT_TRUE((*store)->save({as_bytes(payload)}));
  const auto done = invoke({"inspect", (dir / "checkpoint-00000000000000000001.remapd").string()});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("checkpoint; checksum holds"));
  EXPECT_THAT(done.out, HasSubstr("goes on at offset"));
}

TEST(Inspect, ListsDirectoriesTablesAndVersions) {
  const TempDir dir;
  const std::string root = (dir / "m").string();
  ASSERT_EQ(invoke({"build", "--events", write_small_log(dir), "--features", "user,item", "--rows",
                    "16", "--out", root})
                .code,
            ExitCode::kOk);
  const auto all = invoke({"inspect", root});
  EXPECT_EQ(all.code, ExitCode::kOk) << all.err;
  EXPECT_THAT(all.out, testing::ContainsRegex("\nitem +1 "));
  EXPECT_THAT(all.out, testing::ContainsRegex("\nuser +1 "));
  EXPECT_THAT(all.out, HasSubstr("all checksums hold"));
  const auto json = nlohmann::json::parse(invoke({"inspect", root + "/item", "--json"}).out);
  ASSERT_EQ(json["versions"].size(), 1U);
  EXPECT_EQ(json["versions"][0]["table"], "item");
  EXPECT_EQ(json["versions"][0]["ids"], 40);
  const auto one = invoke({"inspect", root + "/item/v000000000001/"});
  EXPECT_EQ(one.code, ExitCode::kOk) << one.err;
  EXPECT_THAT(one.out, HasSubstr("published by"));
  EXPECT_THAT(one.out, HasSubstr("changed rows"));
}

TEST(Inspect, ADamagedFileIsAnErrorThatNamesIt) {
  const TempDir dir;
  const std::string root = (dir / "m").string();
  ASSERT_EQ(
      invoke({"build", "--events", write_small_log(dir), "--table", "item=16", "--out", root}).code,
      ExitCode::kOk);
  const auto path = dir / "m/item/v000000000001/mapping.remap";
  std::string bytes = read_file(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(path, bytes);
  for (const std::string& at :
       {root, root + "/item", root + "/item/v000000000001", path.string()}) {
    const auto found = invoke({"inspect", at});
    EXPECT_EQ(found.code, ExitCode::kFailure) << at;
    EXPECT_THAT(found.err, HasSubstr("mapping.remap"));
    EXPECT_EQ(found.out, "");
  }
  write_file(dir / "short", "RMPD");
  EXPECT_EQ(invoke({"inspect", (dir / "short").string()}).code, ExitCode::kFailure);
  write_file(dir / "none", "");
  EXPECT_EQ(invoke({"inspect", (dir / "none").string()}).code, ExitCode::kFailure);
  EXPECT_EQ(invoke({"inspect", dir.path().string() + "/void"}).code, ExitCode::kIo);
}

}  // namespace
}  // namespace remapd::cli
