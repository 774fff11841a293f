#include "daemon/cli/mapping_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/cli/three_versions.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;

using MappingFiles = ThreeVersions;

TEST_F(MappingFiles, PutsDeltasTogether) {
  for (std::uint64_t v = 1; v <= 3; ++v) {
    const auto mapping = open_mapping({root_, "", Version{v}});
    ASSERT_TRUE(mapping) << mapping.error().message;
    EXPECT_EQ(mapping->deltas, v - 1);
    EXPECT_EQ(mapping->view.ids(), ids_of(v));
    EXPECT_EQ(mapping->manifest->info.version, Version{v});
    const mapping::Mapping expected = version_of(v, Epoch{1});
    for (Id id = 1; id <= ids_of(3); ++id) EXPECT_EQ(mapping->view.lookup(id), expected.lookup(id));
  }
}

TEST_F(MappingFiles, AnyPathToItWillDo) {
  const auto table = root_ / "t%2F1";
  for (const auto& path : {root_, table, table / "v000000000002", table / "v000000000002/",
                           table / "v000000000001/mapping.remap", root_ / "." / "t%2F1" / ".."}) {
    const auto mapping = open_mapping({path, "t/1", kNoVersion});
    ASSERT_TRUE(mapping) << path << ": " << mapping.error().message;
  }
  EXPECT_EQ(open_mapping({table / "v000000000002", "", kNoVersion})->view.info().version,
            Version{2});
  EXPECT_EQ(open_mapping({root_, "", kNoVersion})->view.info().version, Version{3});
}

TEST_F(MappingFiles, KnowsWhatAPathIs) {
  const auto table = root_ / "t%2F1";
  EXPECT_EQ(examine(root_)->kind, PlaceKind::kRoot);
  EXPECT_EQ(examine(table)->kind, PlaceKind::kTable);
  EXPECT_EQ(examine(table)->tables.front().table, "t/1");
  EXPECT_EQ(examine(table)->tables.front().versions.size(), 3U);
  EXPECT_EQ(examine(table / "v000000000003")->kind, PlaceKind::kVersion);
  EXPECT_EQ(examine(table / "v000000000003")->version, Version{3});
  EXPECT_EQ(examine(table / "epoch.json")->kind, PlaceKind::kFile);
  const auto none = examine(dir_ / "void");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  std::filesystem::create_directory(dir_ / "empty");
  const auto empty = examine(dir_ / "empty");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(MappingFiles, AMissingOrDamagedLinkOfTheChainIsTold) {
  const auto delta = root_ / "t%2F1/v000000000002/delta.remap";
  std::string bytes = test_support::read_file(delta);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  test_support::write_file(delta, bytes);
  const auto damaged = open_mapping({root_, "", Version{3}});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  std::filesystem::remove_all(root_ / "t%2F1/v000000000002");
  const auto missing = open_mapping({root_, "", Version{3}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("version 2 that it needs is no longer"));
  EXPECT_TRUE(open_mapping({root_, "", Version{1}}));
}

TEST_F(MappingFiles, AnArtifactMustBeTheOneAskedFor) {
  const auto artifact = root_ / "t%2F1/v000000000001/mapping.remap";
  EXPECT_FALSE(open_mapping({artifact, "u", kNoVersion}));
  EXPECT_FALSE(open_mapping({artifact, "", Version{2}}));
  EXPECT_TRUE(open_mapping({artifact, "t/1", Version{1}}));
}

}  // namespace
}  // namespace remapd::cli
