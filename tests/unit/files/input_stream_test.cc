#include "connectors/files/input_stream.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::gzip;
using test_support::TempDir;
using test_support::write_file;

struct Drained {
  std::string content;
  std::optional<Error> error;
};

Drained drain(InputStream& stream, std::size_t piece = 1000) {
  Drained out;
  std::string buffer(piece, '\0');
  for (;;) {
    const auto n = stream.read(buffer);
    if (!n) {
      out.error = n.error();
      return out;
    }
    if (*n == 0) return out;
    out.content.append(buffer.data(), *n);
  }
}

// Text that neither repeats nor compresses away, larger than the read-ahead when asked.
std::string random_text(std::size_t bytes) {
  Random random(7);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>('!' + random.below(90));
  return text;
}

TEST(InputStream, ReadsPlainFilesOfAnySize) {
  const TempDir dir;
  for (const std::size_t bytes : {0UL, 1UL, 2UL, 999UL, 1000UL, 262144UL, 700001UL}) {
    const std::string content = random_text(bytes);
    write_file(dir / "f", content);
    auto stream = InputStream::open(dir / "f");
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_FALSE((*stream)->compressed());
    const Drained got = drain(**stream);
    EXPECT_FALSE(got.error);
    EXPECT_EQ(got.content, content) << bytes;
  }
}

TEST(InputStream, InflatesGzipWhateverTheName) {
  const TempDir dir;
  for (const std::size_t bytes : {0UL, 1UL, 999UL, 1000UL, 900001UL}) {
    const std::string content = random_text(bytes);
    write_file(dir / "f.tsv", gzip(content));
    auto stream = InputStream::open(dir / "f.tsv");
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_TRUE((*stream)->compressed());
    const Drained got = drain(**stream);
    EXPECT_FALSE(got.error);
    EXPECT_EQ(got.content, content) << bytes;
  }
}

TEST(InputStream, JoinsGzipMembersAndIgnoresZeroPadding) {
  const TempDir dir;
  const std::string big = random_text(500000);
  write_file(dir / "f", gzip("one ") + gzip("") + gzip(big) + std::string(600000, '\0'));
  auto stream = InputStream::open(dir / "f");
  ASSERT_TRUE(stream);
  const Drained got = drain(**stream);
  EXPECT_FALSE(got.error) << got.error->message;
  EXPECT_EQ(got.content, "one " + big);
}

TEST(InputStream, SaysThatGzipIsCutOffAfterHandingOutWhatIsThere) {
  const TempDir dir;
  const std::string content = random_text(400000);
  const std::string whole = gzip(content);
  for (const std::size_t cut :
       {std::size_t{2}, std::size_t{9}, whole.size() / 2, whole.size() - 9, whole.size() - 1}) {
    write_file(dir / "f", whole.substr(0, cut));
    auto stream = InputStream::open(dir / "f");
    ASSERT_TRUE(stream);
    const Drained got = drain(**stream);
    ASSERT_TRUE(got.error) << cut;
    EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
    EXPECT_THAT(got.error->message, testing::HasSubstr("ends early"));
    EXPECT_EQ(got.content, content.substr(0, got.content.size()));
    if (cut == whole.size() / 2) {
      EXPECT_GT(got.content.size(), content.size() / 3);
    }
    std::string again(10, '\0');
    EXPECT_FALSE((*stream)->read(again)) << "the error stays";
  }
}

TEST(InputStream, FindsDamageByTheMembersChecksum) {
  const TempDir dir;
  std::string bytes = gzip(random_text(1000));
  bytes[bytes.size() - 6] ^= 1;  // inside the CRC
  write_file(dir / "f", bytes);
  auto stream = InputStream::open(dir / "f");
  ASSERT_TRUE(stream);
  const Drained got = drain(**stream);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
  EXPECT_THAT(got.error->message, testing::HasSubstr("damaged"));
}

TEST(InputStream, RefusesOtherBytesAfterGzip) {
  const TempDir dir;
  write_file(dir / "f", gzip("abc") + std::string(10, '\0') + "tail");
  auto stream = InputStream::open(dir / "f");
  ASSERT_TRUE(stream);
  const Drained got = drain(**stream);
  EXPECT_EQ(got.content, "abc");
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
}

TEST(InputStream, NamesTheFileItCannotOpenOrRead) {
  const TempDir dir;
  const auto missing = InputStream::open(dir / "missing.tsv");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("missing.tsv"));

  const auto directory = InputStream::open(dir.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kIo);
  EXPECT_THAT(directory.error().message, testing::HasSubstr(dir.path().string()));
}

}  // namespace
}  // namespace remapd::files
