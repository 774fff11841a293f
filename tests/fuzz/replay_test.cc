// Runs every fuzz target over its committed corpus, and over cheap mutations of it: what fuzzing
// found stays found, with any compiler and without libFuzzer.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace remapd::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMutations = 1000;  // of each target, over all files

Bytes read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// Cut short, or a few bytes changed, now and then to one of the values that break bounds.
Bytes mutated(Bytes bytes, Random& random) {
  if (bytes.empty()) return bytes;
  if (random.below(8) == 0) bytes.resize(random.below(bytes.size()));
  for (std::uint64_t n = bytes.empty() ? 0 : 1 + random.below(4); n > 0; --n) {
    const std::size_t at = random.below(bytes.size());
    constexpr std::byte kEdges[] = {std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0x80},
                                    std::byte{0xff}};
    bytes[at] = random.below(2) == 0 ? kEdges[random.below(std::size(kEdges))]
                                     : static_cast<std::byte>(random.next());
  }
  return bytes;
}

class FuzzCorpus : public testing::TestWithParam<std::string> {};

TEST_P(FuzzCorpus, IsTaken) {
  const fs::path directory = fs::path(REMAPD_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam();
  ASSERT_TRUE(fs::is_directory(directory)) << directory << ": every target has a corpus";
  const Target target = targets().at(GetParam());
  target({});
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty()) << directory;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const Bytes bytes = read(file);
    target(bytes);
    Random random(checksum(bytes));
    for (std::size_t m = 0; m <= kMutations / files.size(); ++m) target(mutated(bytes, random));
  }
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [name, target] : targets()) out.push_back(name);
  return out;
}

// names() is called when main() has begun; targets register themselves before that.
INSTANTIATE_TEST_SUITE_P(All, FuzzCorpus, testing::ValuesIn(names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace remapd::fuzz
