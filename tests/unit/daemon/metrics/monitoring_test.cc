// The dashboard and the alerts of configs/ against the metrics there are.
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/metrics/metrics.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::metrics {
namespace {

constexpr const char* kDashboard = REMAPD_SOURCE_DIR "/configs/grafana/remapd.json";
constexpr const char* kAlerts = REMAPD_SOURCE_DIR "/configs/prometheus/alerts.yml";
constexpr const char* kAlertsTest = REMAPD_SOURCE_DIR "/configs/prometheus/alerts_test.yml";

std::string content_of(const char* path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return std::move(out).str();
}

// Names of metrics as series have them: those of a histogram are its buckets, sum and count.
std::set<std::string> series_there_are() {
  std::set<std::string> out;
  for (const auto& family : families_of(admin::example_status())) {
    if (family.type == prometheus::MetricType::Histogram) {
      for (const char* part : {"_bucket", "_sum", "_count"}) out.insert(family.name + part);
    } else {
      out.insert(family.name);
    }
  }
  return out;
}

std::set<std::string> series_in(const std::string& text) {
  std::set<std::string> out;
  const std::regex name(R"(\bremapd_\w+)");
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
    out.insert(it->str());
  }
  return out;
}

TEST(Monitoring, AsksForMetricsThatThereAre) {
  const std::set<std::string> there_are = series_there_are();
  for (const char* path : {kDashboard, kAlerts, kAlertsTest}) {
    const std::set<std::string> asked = series_in(content_of(path));
    EXPECT_FALSE(asked.empty()) << path;
    for (const std::string& series : asked) EXPECT_TRUE(there_are.contains(series)) << series;
  }
}

TEST(Monitoring, TheDashboardsPanelsAreWholeAndApart) {
  const auto dashboard = nlohmann::json::parse(content_of(kDashboard));
  std::set<int> ids;
  std::set<std::pair<int, int>> taken;
  for (const auto& panel : dashboard["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    if (panel["type"] != "row") {
      EXPECT_FALSE(panel["description"].empty()) << panel["title"];
    }
    const auto& at = panel["gridPos"];
    for (int x = at["x"]; x < at["x"].get<int>() + at["w"].get<int>(); ++x) {
      EXPECT_LT(x, 24) << panel["title"];
      for (int y = at["y"]; y < at["y"].get<int>() + at["h"].get<int>(); ++y) {
        EXPECT_TRUE(taken.emplace(x, y).second) << panel["title"] << " lies on another panel";
      }
    }
  }
}

TEST(Monitoring, EveryAlertSaysWhatToDo) {
  const std::string alerts = content_of(kAlerts);
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (auto at = alerts.find(what); at != std::string::npos; at = alerts.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_GE(count("- alert:"), 10U);
  EXPECT_EQ(count("summary:"), count("- alert:"));
  EXPECT_EQ(count("description:"), count("- alert:"));
}

// Prometheus' own tool (Debian: prometheus), where it is installed.
TEST(Monitoring, AlertsFireWhenTheyShould) {
  if (std::system("command -v promtool > /dev/null") != 0) GTEST_SKIP() << "promtool is missing";
  const std::string command = std::string("promtool test rules ") + kAlertsTest + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace remapd::metrics
