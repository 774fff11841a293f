#include "connectors/files/mapped_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::TempDir;
using test_support::write_file;

TEST(MappedBlob, ShowsTheFileAlsoAfterItsRemoval) {
  const TempDir dir;
  const std::string content(100'000, 'x');
  write_file(dir / "f", content);
  const auto blob = MappedBlob::open(dir / "f");
  ASSERT_TRUE(blob) << blob.error().message;
  std::filesystem::remove(dir / "f");
  EXPECT_EQ(as_text((*blob)->view()), content);
}

TEST(MappedBlob, AnEmptyFileIsAnEmptyView) {
  const TempDir dir;
  write_file(dir / "f", "");
  const auto blob = MappedBlob::open(dir / "f");
  ASSERT_TRUE(blob);
  EXPECT_TRUE((*blob)->view().empty());
}

TEST(MappedBlob, NamesWhatItCannotMap) {
  const TempDir dir;
  const auto missing = MappedBlob::open(dir / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("missing"));
  EXPECT_EQ(MappedBlob::open(dir.path()).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace remapd::files
