// Which module may include which, checked at every #include of the tree. A module is a folder; each
// has a line in kModules. A new folder, or a new dependency between folders, needs a change there.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
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

// Module -> the other modules it may include.
const std::map<std::string, std::set<std::string>> kModules = {
    {"core/base", {}},
    {"core/fields", {"core/base"}},
    {"core/sketch", {"core/base"}},
    {"core/embedding", {"core/base", "core/sketch"}},
    {"core/mapping", {"core/base"}},
    {"core/placement", {"core/base", "core/mapping"}},
    {"core/pipeline",
     {"core/base", "core/sketch", "core/embedding", "core/mapping", "core/placement"}},

    {"connectors/proto", {"core/base", "core/fields", "core/mapping", "core/pipeline"}},
    {"connectors/decode",
     {"core/base", "core/fields", "core/pipeline", "connectors/http", "connectors/proto"}},
    {"connectors/files",
     {"core/base", "core/fields", "core/mapping", "core/pipeline", "connectors/decode",
      "connectors/proto"}},
    {"connectors/http", {"core/base", "core/mapping", "connectors/proto"}},
    {"connectors/kafka",
     {"core/base", "core/mapping", "core/pipeline", "connectors/decode", "connectors/proto"}},
    {"connectors/checkpoint", {"core/base", "core/pipeline", "connectors/files"}},

    {"client/cpp", {"core/base", "core/fields", "core/mapping"}},
    {"client/c",
     {"core/base", "core/fields", "core/mapping", "connectors/files", "connectors/http",
      "connectors/kafka", "client/cpp"}},

    {"evaluation",
     {"core/base", "core/fields", "core/mapping", "core/placement", "core/pipeline",
      "connectors/decode", "connectors/files"}},

    {"daemon/config", {"core/base", "core/mapping", "core/pipeline", "connectors/decode"}},
    {"daemon/logging", {"core/base", "core/pipeline", "daemon/config"}},
    {"daemon/application",
     {"core/base", "core/mapping", "core/placement", "core/pipeline", "connectors/checkpoint",
      "connectors/decode", "connectors/files", "connectors/kafka", "daemon/config",
      "daemon/logging"}},
    {"daemon/metrics", {"daemon/application"}},
    {"daemon/web", {}},
    {"daemon/admin",
     {"core/base", "core/fields", "core/mapping", "connectors/files", "connectors/proto",
      "daemon/application", "daemon/config", "daemon/logging", "daemon/metrics", "daemon/web"}},
    {"daemon/service", {"core/base", "daemon/application", "daemon/config", "daemon/logging"}},
    {"daemon/cli",
     {"core/base", "core/fields", "core/sketch", "core/mapping", "core/pipeline",
      "connectors/checkpoint", "connectors/decode", "connectors/files", "connectors/kafka",
      "connectors/proto", "evaluation", "daemon/admin", "daemon/application", "daemon/config",
      "daemon/logging", "daemon/service"}},
    {"daemon", {"daemon/cli"}},

    {"examples/click_trainer",
     {"core/base", "core/mapping", "core/placement", "core/pipeline", "connectors/files",
      "connectors/kafka", "client/cpp", "evaluation"}},
};

const std::vector<std::string> kSourceFolders = {"core",       "connectors", "client",
                                                 "evaluation", "daemon",     "examples"};

std::string folder_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

// Why the include is not allowed; empty: it is.
std::string refusal(const Include& include) {
  if (!include.quoted) return "";
  const std::string from = folder_of(include.file);
  const std::string to = folder_of(include.header);
  const auto module = kModules.find(from);
  if (module == kModules.end()) return include.file + ": " + from + " is not in kModules";
  if (from == to || module->second.contains(to)) return "";
  return include.told() + ", but " + from + " may not depend on " + to;
}

TEST(Architecture, ModulesDependOnlyOnThoseTheTableAllows) {
  std::vector<std::string> offences;
  for (const std::string& folder : kSourceFolders) {
    for (const Include& include : includes_below(folder)) {
      if (std::string offence = refusal(include); !offence.empty()) offences.push_back(offence);
    }
  }
  EXPECT_THAT(offences, IsEmpty());
}

TEST(Architecture, AnIncludeAgainstTheTableIsFound) {
  const auto refused = [](const std::string& file, const std::string& header) {
    return !refusal({.file = file, .header = header, .quoted = true}).empty();
  };
  EXPECT_TRUE(refused("core/base/bytes.h", "core/sketch/count_min.h"));
  EXPECT_TRUE(refused("core/mapping/delta.cc", "core/placement/builder.h"));
  EXPECT_TRUE(refused("core/sketch/deeper/count_min.h", "core/base/bytes.h"));
  EXPECT_TRUE(refused("connectors/files/claim.cc", "daemon/config/config.h"));
  EXPECT_TRUE(refused("client/cpp/client.cc", "core/pipeline/engine.h"));
  EXPECT_FALSE(refused("core/placement/builder.h", "core/mapping/mapping.h"));
}

// What the table allows is acyclic: a module's dependencies, followed on, never lead back to it.
TEST(Architecture, TheTableHasNoCycle) {
  std::set<std::string> done;
  const auto visit = [&](auto&& self, const std::string& module,
                         std::vector<std::string> path) -> void {
    ASSERT_EQ(std::count(path.begin(), path.end(), module), 0) << module << " depends on itself";
    if (done.contains(module)) return;
    path.push_back(module);
    for (const std::string& next : kModules.at(module)) self(self, next, path);
    done.insert(module);
  };
  for (const auto& [module, dependencies] : kModules) visit(visit, module, {});
}

// No Kafka, protobuf, sockets, logging or files in core: what it may use besides the standard
// library is all of this; of the system that is memory and processors.
TEST(Architecture, CoreUsesNothingOfTheOutsideWorld) {
  const std::vector<std::string> allowed = {"Eigen/",   "fmt/",       "tbb/",   "tl/expected.hpp",
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
  } rules[] = {
      {"librdkafka/", {"connectors/kafka/"}},
      {"google/protobuf/", {"connectors/proto/", "connectors/decode/", "connectors/kafka/"}},
      {"avro/", {"connectors/decode/"}},
      {"simdjson", {"connectors/proto/", "connectors/decode/"}},
      {"curl/", {"connectors/http/"}},
      {"toml++/", {"daemon/config/"}},
      {"systemd/", {"daemon/service/"}},
      {"boost/beast", {"daemon/admin/"}},
      {"boost/asio", {"daemon/admin/"}},
      {"prometheus/", {"daemon/metrics/"}}};
  std::vector<std::string> offences;
  for (const std::string& directory : kSourceFolders) {
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
  for (const std::string directory :
       {"core", "connectors", "client", "evaluation", "daemon", "examples", "tests"}) {
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
  for (const std::string directory :
       {"core", "connectors", "client", "evaluation", "daemon", "examples", "tests"}) {
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
