#include "daemon/metrics/metrics.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::metrics {
namespace {

std::string type_name(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "other";
  }
}

TEST(Metrics, AreThoseOfTheDocumentation) {
  std::ifstream file(REMAPD_SOURCE_DIR "/docs/metrics.md");
  ASSERT_TRUE(file);
  std::map<std::string, std::string> documented;
  const std::regex row(R"(^\| `(remapd_\w+)` \| (\w+) \|.*)");
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) documented[match[1]] = match[2];
  }
  std::map<std::string, std::string> made;
  for (const auto& family : families_of(admin::example_status())) {
    made[family.name] = type_name(family.type);
  }
  EXPECT_EQ(made, documented);
}

TEST(Metrics, NamesFollowTheConventions) {
  for (const auto& family : families_of(admin::example_status())) {
    EXPECT_EQ(family.name.ends_with("_total"), family.type == prometheus::MetricType::Counter)
        << family.name;
    EXPECT_TRUE(family.help.ends_with(".")) << family.name;
  }
}

TEST(Metrics, OfAStatusWithoutAnythingInItAreValid) {
  const std::string text = to_text(families_of({}), TextFormat::kPrometheus);
  EXPECT_NE(text.find("remapd_ready 0\n"), std::string::npos);
}

// Prometheus' own linter (Debian: prometheus), where it is installed.
TEST(Metrics, PromtoolHasNoObjection) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "promtool is missing";
  const test_support::TempDir dir;
  std::ofstream(dir / "metrics") << to_text(families_of(admin::example_status()),
                                            TextFormat::kPrometheus);
  const std::string check = "promtool check metrics < '" + (dir / "metrics").string() + "' > '" +
                            (dir / "findings").string() + "' 2>&1";
  const int status = std::system(check.c_str());
  EXPECT_EQ(status, 0) << test_support::read_file(dir / "findings");
  EXPECT_EQ(test_support::read_file(dir / "findings"), "");
}

TEST(Metrics, HistogramsAreCumulative) {
  application::Status status = admin::example_status();
  status.tables[0].build_seconds.add(0.002);
  const std::string text = to_text(families_of(status), TextFormat::kPrometheus);
  const auto has = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(has("remapd_table_build_seconds_bucket{table=\"item\",le=\"0.01\"} 1\n")) << text;
  EXPECT_TRUE(has("remapd_table_build_seconds_bucket{table=\"item\",le=\"0.5\"} 2\n")) << text;
  EXPECT_TRUE(has("remapd_table_build_seconds_bucket{table=\"item\",le=\"+Inf\"} 2\n")) << text;
  EXPECT_TRUE(has("remapd_table_build_seconds_count{table=\"item\"} 2\n")) << text;
}

TEST(Metrics, OpenMetricsNamesCountersWithoutTotal) {
  const std::string text = to_text(families_of(admin::example_status()), TextFormat::kOpenMetrics);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ") && line.ends_with(" counter")) {
      EXPECT_EQ(line.find("_total"), std::string::npos) << line;
    }
  }
  EXPECT_NE(text.find("\nremapd_samples_total 2500\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
}

TEST(Metrics, TheFormatIsOpenMetricsOnlyIfAskedFor) {
  EXPECT_EQ(negotiate(""), TextFormat::kPrometheus);
  EXPECT_EQ(negotiate("text/plain;version=0.0.4"), TextFormat::kPrometheus);
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
            TextFormat::kOpenMetrics);
}

}  // namespace
}  // namespace remapd::metrics
