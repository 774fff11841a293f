#include "examples/click_trainer/remapd_tables.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::click_trainer {
namespace {

using client::kChainRows;
using client::kChainSeed;
using testing::HasSubstr;

const std::vector<Table> kTables{{"items", kChainRows}, {"kind", 0}};

// Version n was built from 1,000 n samples.
class Follow : public testing::Test {
 protected:
  void follow(FollowOptions options, std::uint32_t rows = kChainRows) {
    options.seed = kChainSeed;
    options.patience = std::chrono::milliseconds(50);
    const std::vector<std::uint32_t> model_rows{rows, 1};
    model_ = std::make_unique<evaluation::FmModel>(model_rows, kChainSeed);
    auto created = RemapdTables::create(kTables, options, [&](const std::string& table) {
      EXPECT_EQ(table, kTables[0].feature) << "only shared tables are followed";
      return Result<std::unique_ptr<mapping::MappingSource>>(
          std::make_unique<client::FakeSource>(script_));
    });
    error_ = created ? "" : created.error().message;
    if (created) tables_ = std::move(*created);
  }

  std::size_t advance(std::uint64_t samples) {
    const auto swapped = tables_->advance(samples, *model_);
    error_ = swapped ? "" : swapped.error().message;
    return swapped ? swapped->size() : 0;
  }

  void publish(std::size_t version) { script_->publish(chain_.at(version - 1)); }

  std::uint64_t served() const {
    const auto history = tables_->history(FeatureIndex{0});
    return history.served ? history.served->info.version.value : 0;
  }

  std::vector<client::ChainLink> chain_ = client::make_chain(4, 1, 1, 500);
  std::shared_ptr<client::FakeSource::Script> script_ =
      std::make_shared<client::FakeSource::Script>();
  std::unique_ptr<evaluation::FmModel> model_;
  std::unique_ptr<RemapdTables> tables_;
  std::string error_;
};

TEST_F(Follow, SwapsToEachVersionWhereItWasBuilt) {
  follow({});
  EXPECT_EQ(tables_->next_stop(), 1'000U) << "first_samples, while nothing is there";
  EXPECT_EQ(advance(0), 0U);
  publish(1);
  publish(2);
  EXPECT_EQ(advance(999), 0U) << "not reached";
  EXPECT_EQ(advance(1'000), 1U);
  EXPECT_EQ(served(), 1U);
  EXPECT_EQ(tables_->next_stop(), 2'000U);
  EXPECT_EQ(advance(2'000), 1U);
  EXPECT_EQ(served(), 2U);
  EXPECT_EQ(tables_->history(FeatureIndex{0}).swapped, 2U);
  EXPECT_EQ(tables_->history(FeatureIndex{0}).published, 2U);
}

TEST_F(Follow, WaitsForAVersionThatIsDueAndSaysSo) {
  follow({});
  EXPECT_EQ(advance(1'000), 0U);
  EXPECT_THAT(error_, HasSubstr("no new version of table"));
  publish(1);
  EXPECT_EQ(advance(1'000), 1U);
}

TEST_F(Follow, AnswersFromTheVersionServed) {
  follow({});
  std::vector<Row> first;
  std::vector<Row> second;
  const std::vector<Id>& ids = chain_[0].mapping.ids;
  tables_->place(FeatureIndex{0}, ids, first, second);
  const mapping::Fallback hash = mapping::initial_fallback(kChainRows, kChainSeed);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(first[i], hash.row(ids[i]));
  publish(1);
  ASSERT_EQ(advance(1'000), 1U);
  tables_->place(FeatureIndex{0}, ids, first, second);
  EXPECT_EQ(first, chain_[0].mapping.rows);
  EXPECT_TRUE(second.empty());
}

TEST_F(Follow, MigratesTheModelsRows) {
  follow({});
  const std::vector<float> before(model_->table(FeatureIndex{0}).matrix().begin(),
                                  model_->table(FeatureIndex{0}).matrix().end());
  publish(1);
  ASSERT_EQ(advance(1'000), 1U);
  std::vector<float> expected = before;
  constexpr auto kPlan = static_cast<std::size_t>(mapping::BlobKind::kPlan);
  const auto plan = mapping::decode_plan(chain_[0].publication.blobs[kPlan]);
  ASSERT_TRUE(plan && mapping::apply(*plan, expected, evaluation::kFmColumns));
  const auto after = model_->table(FeatureIndex{0}).matrix();
  EXPECT_EQ(std::vector<float>(after.begin(), after.end()), expected);
  EXPECT_NE(expected, before);
}

TEST_F(Follow, WhoComesLateCannotBeInStep) {
  publish(3);
  follow({});
  EXPECT_THAT(error_, HasSubstr("start it before remapd"));
}

TEST_F(Follow, WhoNeedNotWaitStartsWithTheNewest) {
  publish(1);
  publish(2);
  FollowOptions options;
  options.in_step = false;
  follow(options);
  EXPECT_EQ(advance(0), 1U);
  EXPECT_EQ(served(), 2U);
  EXPECT_EQ(advance(5'000), 0U) << "and goes on without new ones";
  publish(3);
  EXPECT_EQ(advance(5'001), 1U);
  EXPECT_EQ(served(), 3U);
}

TEST_F(Follow, TheVersionAtTheEndOfALogIsWaitedFor) {
  follow({});
  for (std::size_t version = 1; version <= 4; ++version) publish(version);
  EXPECT_TRUE(tables_->finish(4'000, *model_));
  EXPECT_EQ(served(), 4U);
  const auto late = tables_->finish(4'500, *model_);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
}

TEST_F(Follow, RefusesAnotherRowBudget) {
  follow({}, kChainRows + 1);
  publish(1);
  EXPECT_EQ(advance(1'000), 0U);
  EXPECT_THAT(error_, HasSubstr("same row budget"));
}

TEST_F(Follow, PassesOverVersionsThatAreDamaged) {
  follow({});
  publish(1);
  script_->blobs[{1, mapping::BlobKind::kSnapshot}].back() ^= std::byte{1};
  publish(2);
  EXPECT_EQ(advance(1'000), 0U);
  EXPECT_EQ(error_, "");
  EXPECT_EQ(advance(2'000), 1U);
  EXPECT_EQ(served(), 2U);
  EXPECT_EQ(tables_->history(FeatureIndex{0}).rejected, 1U);
}

}  // namespace
}  // namespace remapd::click_trainer
