// The arrows between modules: daemon -> connectors -> core, and inside core base <- sketch <-
// embedding, base <- mapping, all <- pipeline. Checked where they are drawn: in #include lines.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

struct Include {
  std::string file;    // relative to the repository
  std::string header;  // what stands between quotes or angle brackets
  bool quoted = false;

  std::string told() const { return file + " includes " + header; }
};

std::vector<Include> includes_below(const std::string& directory) {
  std::vector<Include> out;
  const fs::path root = REMAPD_SOURCE_DIR;
  for (const auto& entry : fs::recursive_directory_iterator(root / directory)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cc" && extension != ".c") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("#include ")) continue;
      const auto begin = line.find_first_of("\"<");
      const auto end = line.find_first_of("\">", begin + 1);
      out.push_back({fs::relative(entry.path(), root).string(),
                     line.substr(begin + 1, end - begin - 1), line[begin] == '"'});
    }
  }
  EXPECT_FALSE(out.empty()) << directory << " has sources";
  return out;
}

bool starts_with_any(std::string_view text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return text.starts_with(prefix); });
}

// A header of the C++ standard library: no folder, no suffix.
bool is_standard(const Include& include) {
  return !include.quoted && include.header.find_first_of("./") == std::string::npos;
}

std::vector<std::string> quoted_from_elsewhere(const std::string& directory,
                                               const std::vector<std::string>& allowed) {
  std::vector<std::string> out;
  for (const Include& include : includes_below(directory)) {
    if (include.quoted && !starts_with_any(include.header, allowed)) out.push_back(include.told());
  }
  return out;
}

TEST(Architecture, CoreKnowsOnlyItself) {
  EXPECT_THAT(quoted_from_elsewhere("core", {"core/"}), IsEmpty());
}

TEST(Architecture, ConnectorsKnowCoreAndEachOther) {
  EXPECT_THAT(quoted_from_elsewhere("connectors", {"core/", "connectors/"}), IsEmpty());
}

TEST(Architecture, TheDaemonKnowsNoTests) {
  EXPECT_THAT(quoted_from_elsewhere("daemon", {"core/", "connectors/", "daemon/"}), IsEmpty());
}

TEST(Architecture, CoreModulesAreInLayers) {
  EXPECT_THAT(quoted_from_elsewhere("core/base", {"core/base/"}), IsEmpty());
  EXPECT_THAT(quoted_from_elsewhere("core/fields", {"core/base/", "core/fields/"}), IsEmpty());
  EXPECT_THAT(quoted_from_elsewhere("core/sketch", {"core/base/", "core/sketch/"}), IsEmpty());
  EXPECT_THAT(
      quoted_from_elsewhere("core/embedding", {"core/base/", "core/sketch/", "core/embedding/"}),
      IsEmpty());
  EXPECT_THAT(quoted_from_elsewhere("core/mapping", {"core/base/", "core/mapping/"}), IsEmpty());
}

// No Kafka, protobuf, sockets, logging or files in core: what it may use besides the standard
// library is all of this; of the system that is memory and processors.
TEST(Architecture, CoreUsesNothingOfTheOutsideWorld) {
  const std::vector<std::string> allowed = {"Eigen/",   "tbb/",       "tl/expected.hpp",
                                            "xxhash.h", "sys/mman.h", "sched.h"};
  const std::set<std::string> not_for_core = {"filesystem", "fstream", "iostream"};
  std::vector<std::string> offences;
  for (const Include& include : includes_below("core")) {
    const bool intrinsics = include.header.ends_with("intrin.h");
    const bool ok = include.quoted || intrinsics || starts_with_any(include.header, allowed) ||
                    (is_standard(include) && !not_for_core.contains(include.header));
    if (!ok) offences.push_back(include.told());
  }
  EXPECT_THAT(offences, IsEmpty());
}

TEST(Architecture, ConnectorsReportByReturnValuesNotByLogs) {
  std::vector<std::string> offences;
  for (const Include& include : includes_below("connectors")) {
    if (include.header.starts_with("spdlog/")) offences.push_back(include.told());
  }
  EXPECT_THAT(offences, IsEmpty());
}

// Each library of the outside world has one home.
TEST(Architecture, LibrariesStayWhereTheyBelong) {
  const struct {
    std::string library;
    std::vector<std::string> homes;
  } rules[] = {{"librdkafka/", {"connectors/kafka/"}},
               {"google/protobuf/", {"connectors/proto/", "connectors/kafka/"}},
               {"curl/", {"connectors/http/"}},
               {"toml++/", {"daemon/config/"}},
               {"systemd/", {"daemon/service/"}},
               {"boost/beast", {"daemon/admin/"}},
               {"boost/asio", {"daemon/admin/"}},
               {"prometheus/", {"daemon/metrics/"}}};
  std::vector<std::string> offences;
  for (const std::string directory : {"connectors", "daemon"}) {
    for (const Include& include : includes_below(directory)) {
      for (const auto& [library, homes] : rules) {
        if (include.header.starts_with(library) && !starts_with_any(include.file, homes)) {
          offences.push_back(include.told());
        }
      }
    }
  }
  EXPECT_THAT(offences, IsEmpty());
}

// Includes are spelled from the repository's root, and headers are included once.
TEST(Architecture, IncludesAreSpelledFromTheRoot) {
  std::vector<std::string> offences;
  for (const std::string directory : {"core", "connectors", "daemon", "tests"}) {
    for (const Include& include : includes_below(directory)) {
      const bool elsewhere = include.header.ends_with(".pb.h") ||
                             starts_with_any(include.header, {"gtest/", "gmock/"});
      if (include.quoted && !elsewhere &&
          !fs::exists(fs::path(REMAPD_SOURCE_DIR) / include.header)) {
        offences.push_back(include.told());
      }
    }
  }
  EXPECT_THAT(offences, IsEmpty());
}

// A source that no build file names is never compiled, a test that none names never run.
TEST(Architecture, EverySourceIsBuilt) {
  const fs::path root = REMAPD_SOURCE_DIR;
  std::vector<std::string> offences;
  for (const std::string directory : {"core", "connectors", "daemon", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / directory)) {
      const fs::path& path = entry.path();
      if (path.extension() != ".cc") continue;
      fs::path folder = path.parent_path();
      while (!fs::exists(folder / "CMakeLists.txt")) folder = folder.parent_path();
      std::ifstream in(folder / "CMakeLists.txt");
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      // Targets made in a loop are listed by what their file names begin with.
      std::string listed = path.filename().string();
      const std::size_t suffix = listed.find("_target.cc");
      if (suffix != std::string::npos) listed.resize(suffix);
      if (text.find(listed) == std::string::npos) {
        offences.push_back(fs::relative(path, root).string());
      }
    }
  }
  EXPECT_THAT(offences, IsEmpty());
}

}  // namespace
}  // namespace remapd
