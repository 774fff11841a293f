#include "daemon/cli/mapping_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

using testing::HasSubstr;

mapping::MappingInfo info() {
  return {.table = "item",
          .version = Version{12},
          .parent = Version{11},
          .epoch = Epoch{3},
          .rows = 10'000,
          .dedicated_rows = 4'000,
          .fallback = {.first_row = 8'000, .row_count = 2'000, .ways = 1, .seed = 5},
          .built_ms = 1'700'000'000'000};
}

TEST(MappingReport, DescribesAVersion) {
  Facts facts;
  add_info(info(), facts);
  EXPECT_EQ(facts.json()["table"], "item");
  EXPECT_EQ(facts.json()["parent"], 11);
  EXPECT_EQ(facts.json()["fallback"]["row_count"], 2000);
  EXPECT_THAT(facts.text(), HasSubstr("12 (after 11), epoch 3"));
  EXPECT_THAT(facts.text(), HasSubstr("10,000, the first 4,000 dedicated to one id each"));
  EXPECT_THAT(facts.text(), HasSubstr("hashed to one of rows 8,000 to 9,999"));
  EXPECT_THAT(facts.text(), HasSubstr("2023-11-14 22:13:20 UTC"));
  Facts first;
  auto of_first = info();
  of_first.parent = kNoVersion;
  of_first.fallback.ways = 2;
  add_info(of_first, first);
  EXPECT_THAT(first.text(), HasSubstr("12 (the first)"));
  EXPECT_THAT(first.text(), HasSubstr("hashed to two of rows"));
}

TEST(MappingReport, TellsStatistics) {
  mapping::MappingStats stats;
  stats.ids = 50'000;
  stats.ids_moved = 1;
  stats.rows_used = 9'000;
  stats.traffic_dedicated = 0.6;
  stats.traffic_shared = 0.4;
  stats.traffic_moved = 0.025;
  Facts facts;
  add_stats(stats, facts);
  EXPECT_EQ(facts.json()["stats"]["ids"], 50'000);
  EXPECT_THAT(facts.text(), HasSubstr("60.0 % to dedicated rows, 40.0 % to shared rows"));
  EXPECT_THAT(facts.text(), HasSubstr("1 id, 2.5 % of traffic"));
  TextTable table = version_table();
  add_version_row(info(), stats, 2048, table);
  EXPECT_THAT(table.to_string(),
              testing::ContainsRegex("item +12 +combined +10,000 +50,000 .* 2.5 % +2.0 KiB\n"));
}

}  // namespace
}  // namespace remapd::cli
