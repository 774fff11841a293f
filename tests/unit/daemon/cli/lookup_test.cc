// "remapd lookup", in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/cli/mapping_files.h"
#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

class Lookup : public testing::Test {
 protected:
  Lookup() {
    const auto built = invoke({"build", "--events", write_small_log(dir_), "--features",
                               "user,item", "--rows", "16", "--out", root_});
    EXPECT_EQ(built.code, ExitCode::kOk) << built.err;
  }
  TempDir dir_;
  std::string root_ = (dir_ / "m").string();
};

TEST_F(Lookup, TellsRowAndRole) {
  const auto mapping = open_mapping({root_, "user", kNoVersion});
  ASSERT_TRUE(mapping);
  const auto done = invoke({"lookup", root_, "--table", "user", "1", "nobody"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto row = mapping->view.lookup(1).value;
  EXPECT_LT(row, mapping->view.info().dedicated_rows);
  EXPECT_THAT(done.out, testing::StartsWith("id\trow\trole\n1\t" + std::to_string(row) +
                                            "\tdedicated\nnobody\t"));
  EXPECT_THAT(done.out, testing::EndsWith("\tnew\n"));
}

TEST_F(Lookup, ReadsIdsFromStandardInput) {
  std::string ids;
  for (int id = 1; id <= 3000; ++id) ids += std::to_string(id) + (id % 3 == 0 ? "\n" : " ");
  const auto done = invoke({"lookup", root_ + "/item", "--json"}, ids);
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto mapping = open_mapping({root_, "item", kNoVersion});
  std::istringstream lines(done.out);
  std::string line;
  Id id = 0;
  while (std::getline(lines, line)) {
    const auto json = nlohmann::json::parse(line);
    ++id;
    EXPECT_EQ(json["id"], id);
    EXPECT_EQ(json["row"], mapping->view.lookup(id).value);
    EXPECT_EQ(json["role"] == "new", id > 40);
  }
  EXPECT_EQ(id, 3000U);
  EXPECT_EQ(invoke({"lookup", root_ + "/item"}, "").out, "id\trow\trole\n");
}

TEST_F(Lookup, DoubleHashHasTwoRows) {
  const std::string artifact = (dir_ / "d").string();
  ASSERT_EQ(invoke({"build", "--events", (dir_ / "events.tsv").string(), "--table", "user=16",
                    "--strategy", "double_hash", "--artifact", artifact})
                .code,
            ExitCode::kOk);
  const auto done = invoke({"lookup", artifact, "nobody"});
  EXPECT_THAT(done.out, testing::ContainsRegex("nobody\t[0-9]+\\+[0-9]+\tnew"));
  const auto json = nlohmann::json::parse(invoke({"lookup", artifact, "nobody", "--json"}).out);
  EXPECT_TRUE(json.contains("second_row"));
}

TEST_F(Lookup, SaysWhatThereIsInstead) {
  const auto no_table = invoke({"lookup", root_, "1"});
  EXPECT_EQ(no_table.code, ExitCode::kUsage);
  EXPECT_THAT(no_table.err, HasSubstr("--table: item, user"));
  const auto wrong_table = invoke({"lookup", root_, "--table", "users", "1"});
  EXPECT_EQ(wrong_table.code, ExitCode::kUsage);
  EXPECT_THAT(wrong_table.err, HasSubstr("no table \"users\"; there are: item, user"));
  const auto wrong_version = invoke({"lookup", root_, "--table", "user", "--version", "7", "1"});
  EXPECT_EQ(wrong_version.code, ExitCode::kUsage);
  EXPECT_THAT(wrong_version.err, HasSubstr("no version 7"));
  const auto missing = invoke({"lookup", (dir_ / "nothing").string(), "1"});
  EXPECT_EQ(missing.code, ExitCode::kIo);
  EXPECT_THAT(missing.err, HasSubstr("No such file"));
  const auto not_one = invoke({"lookup", (dir_ / "events.tsv").string(), "1"});
  EXPECT_EQ(not_one.code, ExitCode::kFailure);
  EXPECT_THAT(not_one.err, HasSubstr("events.tsv"));
}

}  // namespace
}  // namespace remapd::cli
