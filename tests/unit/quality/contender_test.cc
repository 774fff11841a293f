#include "tests/quality/contender.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace remapd::quality {
namespace {

TEST(ParseContenders, PutsTheReferencesFirstAndKeepsTheOrderOfTheOthers) {
  const auto contenders = parse_contenders("combined,hash,louvain,full,double_hash,combined");
  ASSERT_TRUE(contenders.has_value()) << contenders.error().message;
  std::vector<std::string> names;
  for (const Contender& contender : *contenders) names.push_back(contender.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"full", "hash", "combined", "louvain", "double_hash"}));
  EXPECT_EQ((*contenders)[0].kind, Contender::Kind::kFull);
  EXPECT_EQ((*contenders)[1].kind, Contender::Kind::kMapped);
  EXPECT_EQ((*contenders)[1].strategy, mapping::Strategy::kHash);
  EXPECT_EQ((*contenders)[3].kind, Contender::Kind::kLouvain);
  EXPECT_EQ((*contenders)[4].strategy, mapping::Strategy::kDoubleHash);
}

TEST(ParseContenders, NamesWhatItDoesNotKnowAndListsWhatItDoes) {
  const auto contenders = parse_contenders("full,best");
  ASSERT_FALSE(contenders.has_value());
  EXPECT_EQ(contenders.error().code, ErrorCode::kInvalidArgument);
  for (const char* part : {"\"best\"", "full", "louvain", "hash", "double_hash", "frequency",
                           "embedding", "combined"}) {
    EXPECT_NE(contenders.error().message.find(part), std::string::npos) << part;
  }
  EXPECT_FALSE(parse_contenders("").has_value());
}

}  // namespace
}  // namespace remapd::quality
