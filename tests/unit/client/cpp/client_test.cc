#include "client/cpp/client.h"

#include <functional>
#include <semaphore>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/check.h"
#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::client {
namespace {

using mapping::BlobKind;
using std::chrono_literals::operator""ms;
using testing::HasSubstr;

class ClientTest : public testing::Test {
 protected:
  ClientTest() : script_(std::make_shared<FakeSource::Script>()) { make_client({}); }

  void make_client(ClientOptions options) {
    options.table = "items";
    options.rows = kChainRows;
    options.seed = kChainSeed;
    auto client = Client::create(std::make_unique<FakeSource>(script_), options);
    REMAPD_CHECK(client.has_value(), "the options are good");
    client_ = std::move(*client);
  }

  std::size_t poll() {
    auto staged = client_->poll(0ms);
    EXPECT_TRUE(staged) << staged.error().message;
    return staged.value_or(0);
  }

  // From now on the rows may have learned.
  void look_up_an_id() {
    const std::vector<Id> ids{1};
    std::vector<Row> rows(1);
    client_->reader().pin().lookup(ids, rows);
  }

  void expect_served(const ChainLink& link) {
    EXPECT_EQ(client_->served(), link.mapping.info.version);
    Reader reader = client_->reader();
    const Pin pin = reader.pin();
    EXPECT_EQ(pin.version(), link.mapping.info.version);
    EXPECT_EQ(pin.rows(), kChainRows);
    std::vector<Row> rows(link.mapping.ids.size());
    pin.lookup(link.mapping.ids, rows);
    EXPECT_EQ(rows, link.mapping.rows);
  }

  std::shared_ptr<FakeSource::Script> script_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, RefusesOptionsThatCannotWork) {
  const auto refused = [&](ClientOptions options) {
    auto client = Client::create(std::make_unique<FakeSource>(script_), std::move(options));
    EXPECT_FALSE(client);
    return client ? std::string() : client.error().message;
  };
  EXPECT_THAT(refused({.table = "", .rows = 5}), HasSubstr("option table"));
  EXPECT_THAT(refused({.table = "items"}), HasSubstr("option rows"));
  EXPECT_THAT(refused({.table = "items", .rows = 5, .seed = 1, .max_staged = 0}),
              HasSubstr("max_staged"));
}

TEST_F(ClientTest, LooksUpByTheInitialFallbackBeforeTheFirstVersion) {
  Reader reader = client_->reader();
  const Pin pin = reader.pin();
  EXPECT_EQ(pin.version(), kNoVersion);
  const std::vector<Id> ids{1, 2, 3, 0xffffffffffffffffULL};
  std::vector<Row> rows(ids.size());
  pin.lookup(ids, rows);
  const mapping::Fallback initial = mapping::initial_fallback(kChainRows, kChainSeed);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(rows[i], initial.row(ids[i]));
  pin.lookup_second(ids, rows);
  EXPECT_THAT(rows, testing::Each(kNoRow));
}

TEST_F(ClientTest, SwapsVersionByVersionAndOnlyWhenTold) {
  const auto chain = make_chain(6, 1, 3);
  for (const ChainLink& link : chain) script_->publish(link);
  EXPECT_EQ(poll(), chain.size());
  EXPECT_EQ(client_->served(), kNoVersion);
  const auto staged = client_->staged();
  ASSERT_EQ(staged.size(), chain.size());
  for (std::size_t i = 0; i < staged.size(); ++i) {
    EXPECT_EQ(staged[i].manifest.built_samples, 1'000 * (i + 1));
    EXPECT_TRUE(staged[i].swappable);
    EXPECT_TRUE(staged[i].migratable);
  }
  for (const ChainLink& link : chain) {
    const auto migration = client_->swap_next();
    ASSERT_TRUE(migration) << migration.error().message;
    EXPECT_EQ(migration->from(), link.mapping.info.parent);
    EXPECT_EQ(migration->to(), link.mapping.info.version);
    EXPECT_EQ(migration->plans().size(), 1u);
    expect_served(link);
  }
  EXPECT_EQ(client_->swap_next().error().code, ErrorCode::kNotFound);
  const ClientStats stats = client_->stats();
  EXPECT_EQ(stats.staged, 6u);
  EXPECT_EQ(stats.from_deltas, 4u);
  EXPECT_EQ(stats.swaps, 6u);
  EXPECT_EQ(stats.plans, 6u);
  EXPECT_EQ(stats.rejected, 0u);
  EXPECT_EQ(stats.last_problem, "");
}

TEST_F(ClientTest, ChainsThePlansOfVersionsItSkips) {
  const auto chain = make_chain(4, 2);
  for (const ChainLink& link : chain) script_->publish(link);
  poll();
  const auto migration = client_->swap_to(Version{4});
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_TRUE(migration->complete());
  expect_served(chain[3]);
  EXPECT_TRUE(client_->staged().empty());

  std::vector<float> one_by_one(kChainRows * 3);
  Random random(9);
  for (float& value : one_by_one) value = static_cast<float>(random.uniform());
  std::vector<float> at_once = one_by_one;
  for (const ChainLink& link : chain) {
    const auto plan =
        mapping::decode_plan(link.publication.blobs[static_cast<std::size_t>(BlobKind::kPlan)]);
    ASSERT_TRUE(mapping::apply(*plan, one_by_one, 3));
  }
  ASSERT_TRUE(migration->apply(at_once, 3));
  EXPECT_EQ(at_once, one_by_one);
}

TEST_F(ClientTest, GoesBackOnlyByARollBackOfTheDaemon) {
  const auto chain = make_chain(2, 3);
  const ChainLink back = rolled_back(chain[1], chain[0]);
  for (const ChainLink& link : chain) script_->publish(link);
  script_->publish(back);
  EXPECT_EQ(poll(), 3u);
  ASSERT_TRUE(client_->swap_to(Version{2}));
  const auto refused = client_->swap_to(Version{1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("roll back in the daemon"));
  expect_served(chain[1]);
  const auto migration = client_->swap_to(Version{3});
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_TRUE(migration->complete());
  expect_served(back);
}

TEST_F(ClientTest, TakesTheDeltaWhenTheSnapshotIsDamaged) {
  const auto chain = make_chain(2, 4);
  script_->publish(chain[0]);
  script_->publish(chain[1]);
  script_->blobs[{2, BlobKind::kSnapshot}][100] ^= std::byte{1};
  EXPECT_EQ(poll(), 2u);
  ASSERT_TRUE(client_->swap_to(Version{2}));
  expect_served(chain[1]);
  EXPECT_EQ(client_->stats().from_deltas, 1u);
}

TEST_F(ClientTest, PassesOverWhatIsDamagedAndGoesOnAtTheNextSnapshot) {
  const auto chain = make_chain(6, 5, 4);  // snapshots: 1 and 5
  for (const ChainLink& link : chain) script_->publish(link);
  Bytes& delta = script_->blobs[{3, BlobKind::kDelta}];
  delta[delta.size() / 2] ^= std::byte{0x10};
  EXPECT_EQ(poll(), 4u);  // 1, 2, 5, 6
  const auto staged = client_->staged();
  EXPECT_FALSE(staged[2].swappable);
  EXPECT_FALSE(staged[3].swappable);  // a delta to what was passed over
  ASSERT_TRUE(client_->swap_to(Version{2}));
  const auto refused = client_->swap_to(Version{3});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("version 3 of table \"items\" is passed over"));
  expect_served(chain[1]);
  // The plans of the versions passed over lead on to the next good one.
  const auto migration = client_->swap_next();
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_EQ(migration->to(), Version{5});
  EXPECT_EQ(migration->plans().size(), 3u);
  expect_served(chain[4]);
  EXPECT_EQ(client_->stats().rejected, 2u);
}

TEST_F(ClientTest, KeepsTheLastGoodVersionWhenAChunkIsMissing) {
  const auto chain = make_chain(2, 6);
  script_->publish(chain[0]);
  poll();
  ASSERT_TRUE(client_->swap_next());
  script_->publish(chain[1]);
  script_->blobs.erase({2, BlobKind::kSnapshot});
  script_->blobs.erase({2, BlobKind::kDelta});
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->swap_next().error().code, ErrorCode::kNotFound);
  expect_served(chain[0]);
  EXPECT_THAT(client_->stats().last_problem, HasSubstr("a chunk is missing"));
}

TEST_F(ClientTest, RefusesADeltaOutOfOrder) {
  const auto chain = make_chain(3, 7, 3);  // a snapshot in version 1 only
  script_->publish(chain[0]);
  script_->publish(chain[2]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_THAT(client_->stats().last_problem, HasSubstr("a delta to version 2"));
  script_->publish(chain[1]);  // late: older than what was seen
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->stats().stale, 1u);
  ASSERT_TRUE(client_->swap_next());
  expect_served(chain[0]);
}

TEST_F(ClientTest, IgnoresStaleVersionsAndEpochs) {
  const auto chain = make_chain(3, 8);
  script_->publish(chain[0]);
  script_->publish(chain[1]);
  EXPECT_EQ(poll(), 2u);
  script_->publish(chain[1]);
  script_->publish(chain[0]);
  mapping::Publication overtaken = chain[2].publication;
  overtaken.manifest.info.epoch = Epoch{chain[2].mapping.info.epoch.value - 1};
  script_->publish(overtaken);
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->stats().stale, 3u);
  EXPECT_EQ(client_->staged().size(), 2u);
  script_->publish(chain[2]);
  EXPECT_EQ(poll(), 1u);
}

TEST_F(ClientTest, RefusesAnArtifactThatIsNotTheOneAnnounced) {
  const auto chain = make_chain(1, 9);
  for (const auto& change : std::vector<std::function<void(mapping::Manifest&)>>{
           [](auto& m) { m.info.version = Version{2}; }, [](auto& m) { m.info.built_ms = 1; },
           [](auto& m) { ++m.content_hash; }, [](auto& m) { ++m.ids; },
           [](auto& m) { ++m.info.fallback.row_count; }}) {
    make_client({});
    mapping::Publication other = chain[0].publication;
    change(other.manifest);
    script_->publish(other);
    EXPECT_EQ(poll(), 0u);
    EXPECT_THAT(client_->stats().last_problem, HasSubstr("not what the manifest"));
  }
}

TEST_F(ClientTest, RefusesAnotherTable) {
  mapping::Publication other = make_chain(1, 10)[0].publication;
  other.manifest.info.table = "users";
  script_->publish(other);
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->stats().rejected, 1u);
  EXPECT_TRUE(client_->staged().empty());
}

TEST_F(ClientTest, DoesNotSwapAcrossAMissingPlanUnlessTold) {
  look_up_an_id();
  auto chain = make_chain(3, 11);
  for (const ChainLink& link : chain) script_->publish(link);
  script_->blobs.erase({2, BlobKind::kPlan});
  EXPECT_EQ(poll(), 3u);
  const auto staged = client_->staged();
  EXPECT_TRUE(staged[0].migratable);
  EXPECT_FALSE(staged[1].migratable);
  EXPECT_FALSE(staged[2].migratable);
  ASSERT_TRUE(client_->swap_next());
  const auto refused = client_->swap_to(Version{3});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message, HasSubstr("plan from version 1 to 2 is missing"));
  expect_served(chain[0]);

  const auto migration = client_->swap_to(Version{3}, Unmigrated::kAllow);
  ASSERT_TRUE(migration);
  EXPECT_FALSE(migration->complete());
  expect_served(chain[2]);
  std::vector<float> matrix(kChainRows, 1.0F);
  EXPECT_EQ(migration->apply(matrix, 1).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(matrix, testing::Each(1.0F));
}

TEST_F(ClientTest, DoesNotUseAPlanOfOtherVersions) {
  look_up_an_id();
  const auto chain = make_chain(3, 12);
  script_->publish(chain[0]);
  script_->publish(chain[1]);
  script_->blobs[{2, BlobKind::kPlan}] =
      chain[2].publication.blobs[static_cast<std::size_t>(BlobKind::kPlan)];
  poll();
  EXPECT_FALSE(client_->staged()[1].migratable);
  EXPECT_EQ(client_->stats().plans_missing, 1u);
}

// As beside a daemon that has run for a month.
TEST_F(ClientTest, BeginsWithALaterVersionByItself) {
  const auto chain = make_chain(4, 13);
  script_->publish(chain[2]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_TRUE(client_->staged()[0].migratable);
  EXPECT_EQ(client_->offer().version, Version{3});
  const auto migration = client_->swap_next();
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_TRUE(migration->complete());
  EXPECT_TRUE(migration->plans().empty());
  std::vector<float> matrix(kChainRows, 1.0F);
  EXPECT_TRUE(migration->apply(matrix, 1));
  expect_served(chain[2]);
  script_->publish(chain[3]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(client_->swap_next()->plans().size(), 1u);
  EXPECT_EQ(client_->stats().last_problem, "");
}

TEST_F(ClientTest, RowsThatMayHaveLearnedStayAtVersion0AndItIsTold) {
  const auto chain = make_chain(3, 13);
  EXPECT_EQ(poll(), 0u);
  look_up_an_id();
  script_->publish(chain[2]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_FALSE(client_->staged()[0].migratable);
  EXPECT_EQ(client_->offer().version, kNoVersion);
  EXPECT_FALSE(client_->swap_next());
  EXPECT_EQ(client_->stats().problems, 1u);
  EXPECT_THAT(client_->stats().last_problem,
              AllOf(HasSubstr("stays at version 0: version 3 is there"), HasSubstr("adopt")));
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->stats().problems, 1u);  // told once
  EXPECT_TRUE(client_->swap_next(Unmigrated::kAllow));
  expect_served(chain[2]);
}

TEST_F(ClientTest, ThatNoPlanLeadsOnIsToldInThePollThatFindsIt) {
  const auto chain = make_chain(5, 21);
  script_->publish(chain[0]);
  poll();
  ASSERT_TRUE(client_->swap_next());
  script_->publish(chain[4]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_THAT(client_->stats().last_problem,
              AllOf(HasSubstr("stays at version 1: version 5 is there"),
                    HasSubstr("comes after version 4"), HasSubstr("[sink] retain_versions")));
}

// Ranks swap a step after they have agreed, and look up in between.
TEST_F(ClientTest, WhatFreshRowsWereOfferedMayBeDoneAfterALookup) {
  const auto chain = make_chain(3, 22);
  script_->publish(chain[2]);
  poll();
  ASSERT_EQ(client_->offer().version, Version{3});
  look_up_an_id();
  ASSERT_TRUE(client_->swap_to(Version{3}));
  expect_served(chain[2]);
}

TEST_F(ClientTest, RefusesAnotherRowBudgetOrSeedWithBothValues) {
  const auto chain = make_chain(2, 23);
  const auto refused = [&](ClientOptions options) {
    options.table = "items";
    auto client = Client::create(std::make_unique<FakeSource>(script_), options);
    REMAPD_CHECK(client.has_value(), "the options are good");
    script_->publish(chain[0]);
    script_->publish(chain[1]);
    std::string said;
    for (int again = 0; again < 2; ++again) {  // as long as nothing else is there
      const auto polled = (*client)->poll(0ms);
      EXPECT_FALSE(polled);
      if (polled) return said;
      EXPECT_EQ(polled.error().code, ErrorCode::kInvalidArgument);
      EXPECT_FALSE(polled.error().retryable);
      said = polled.error().message;
    }
    EXPECT_TRUE((*client)->staged().empty());
    EXPECT_EQ((*client)->stats().last_problem, said);
    EXPECT_EQ((*client)->stats().rejected, 2u);
    EXPECT_EQ((*client)->stats().bytes, 0u);
    return said;
  };
  EXPECT_THAT(
      refused({.table = {}, .rows = 150, .seed = kChainSeed}),
      AllOf(HasSubstr("table \"items\""), HasSubstr("rows = 200"), HasSubstr("rows = 150")));
  EXPECT_THAT(refused({.table = {}, .rows = kChainRows, .seed = 1}),
              AllOf(HasSubstr("seed = 5"), HasSubstr("seed = 1"), HasSubstr("[learning] seed")));
}

TEST_F(ClientTest, AnotherRowBudgetLaterNeedsAPlanFromTheOneBefore) {
  auto chain = make_chain(3, 24);
  script_->publish(chain[0]);
  poll();
  ASSERT_TRUE(client_->swap_next());
  chain[1].publication.manifest.info.rows = chain[1].mapping.info.rows = kChainRows + 50;
  add_blob(chain[1].publication, BlobKind::kSnapshot, mapping::encode_artifact(chain[1].mapping));
  mapping::Publication without = chain[1].publication;
  without.manifest.blobs[static_cast<std::size_t>(BlobKind::kPlan)].reset();
  script_->publish(without);
  EXPECT_EQ(poll(), 0u);
  EXPECT_THAT(client_->stats().last_problem, HasSubstr("it has 250 rows, those before it 200"));
  EXPECT_FALSE(client_->swap_to(Version{2}));
}

// A source that needs some polls until it has read what there is.
class SlowSource final : public mapping::MappingSource {
 public:
  SlowSource(std::shared_ptr<FakeSource::Script> script, int polls)
      : fake_(std::move(script)), left_(polls) {}
  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds timeout) override {
    if (left_ > 0 && --left_ > 0) return std::vector<mapping::Manifest>{};
    return fake_.poll(timeout);
  }
  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest, BlobKind kind) override {
    return fake_.fetch(manifest, kind);
  }
  bool caught_up() const override { return left_ == 0; }

 private:
  FakeSource fake_;
  int left_;
};

TEST_F(ClientTest, TheFirstPollWaitsForWhatIsThere) {
  const auto chain = make_chain(3, 25);
  for (const bool background : {false, true}) {
    auto client = Client::create(std::make_unique<SlowSource>(script_, 20),
                                 {.table = "items", .rows = kChainRows, .seed = kChainSeed});
    ASSERT_TRUE(client) << client.error().message;
    script_->publish(chain[2]);
    if (background) {
      (*client)->start();
    } else {
      ASSERT_TRUE((*client)->poll(0ms));
    }
    EXPECT_EQ((*client)->offer().version, Version{3});
  }
}

TEST_F(ClientTest, ASourceInTroubleAtFirstIsGivenAFewSeconds) {
  const Error away{ErrorCode::kUnavailable, "no broker", true};
  script_->poll_errors.assign(3, away);
  script_->publish(make_chain(1, 26)[0]);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(client_->stats().poll_errors, 0u);

  make_client({});
  script_->poll_errors.push_back({ErrorCode::kInvalidArgument, "a wrong token", false});
  const auto refused = client_->poll(0ms);  // waiting cannot help
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "a wrong token");
}

TEST_F(ClientTest, TriesAgainWhatMayPassAndGivesUpAtLast) {
  const auto chain = make_chain(2, 14);
  const Error busy{ErrorCode::kUnavailable, "the broker is away", true};
  script_->errors[{1, BlobKind::kSnapshot}] = {busy, busy};
  script_->errors[{2, BlobKind::kSnapshot}].assign(Client::kAttempts, busy);
  script_->publish(chain[0]);
  script_->publish(chain[1]);
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(poll(), 1u);  // version 1; version 2 has its first attempt
  for (int attempt = 2; attempt < Client::kAttempts; ++attempt) EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->staged().size(), 1u);
  EXPECT_EQ(poll(), 0u);
  ASSERT_EQ(client_->staged().size(), 2u);
  EXPECT_FALSE(client_->staged()[1].swappable);
  EXPECT_TRUE(client_->staged()[1].migratable);
}

TEST_F(ClientTest, AnErrorOfTheSourceIsReportedAndLeavesItUsable) {
  EXPECT_EQ(poll(), 0u);
  script_->poll_errors.push_back({ErrorCode::kUnavailable, "no broker", true});
  script_->publish(make_chain(1, 15)[0]);
  const auto failed = client_->poll(0ms);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no broker");
  ASSERT_TRUE(client_->poll_error());
  EXPECT_EQ(client_->poll_error()->message, "no broker");
  EXPECT_EQ(poll(), 1u);
  EXPECT_FALSE(client_->poll_error());
  EXPECT_EQ(client_->stats().poll_errors, 1u);
}

TEST_F(ClientTest, TellsWhatTheSourceLeftOut) {
  script_->last_problem = "the manifest of version 1 is damaged";
  EXPECT_EQ(poll(), 0u);
  EXPECT_EQ(client_->stats().last_problem, "the manifest of version 1 is damaged");
  EXPECT_EQ(client_->stats().poll_errors, 0u);
}

TEST_F(ClientTest, GivesUpMappingsButNotPlansOfALaggingTrainer) {
  make_client({.table = {}, .rows = 0, .seed = 0, .max_staged = 2});
  const auto chain = make_chain(5, 16, 5);
  for (const ChainLink& link : chain) script_->publish(link);
  EXPECT_EQ(poll(), 5u);
  EXPECT_EQ(client_->stats().staged_now, 2u);
  EXPECT_THAT(client_->swap_to(Version{1}).error().message, HasSubstr("max_staged"));
  const auto migration = client_->swap_next();
  ASSERT_TRUE(migration) << migration.error().message;
  EXPECT_EQ(migration->to(), Version{4});
  EXPECT_EQ(migration->plans().size(), 4u);
  expect_served(chain[3]);
}

TEST_F(ClientTest, OffersTheNewestThatItCanSwapTo) {
  look_up_an_id();
  const auto chain = make_chain(6, 19);
  EXPECT_EQ(client_->offer().version, kNoVersion);
  for (const ChainLink& link : chain) script_->publish(link);
  script_->blobs.erase({3, BlobKind::kSnapshot});
  script_->blobs.erase({3, BlobKind::kDelta});
  script_->blobs.erase({6, BlobKind::kPlan});
  EXPECT_EQ(poll(), 5u);
  EXPECT_EQ(client_->offer().version, Version{5});  // to 6 there is no plan
  EXPECT_EQ(client_->offer(Version{4}).version, Version{4});
  EXPECT_EQ(client_->offer(Version{3}).version, Version{2});         // 3 was passed over
  EXPECT_EQ(client_->offer(Version{6}, 4'999).version, Version{4});  // built from 1,000 each
  EXPECT_EQ(client_->offer(Version{6}, 999).version, kNoVersion);
  ASSERT_TRUE(client_->swap_to(Version{2}));
  const Offer offer = client_->offer();
  EXPECT_EQ(offer.served, Version{2});
  EXPECT_EQ(offer.version, Version{5});
}

// What ranks agree on a step ahead must be there when they swap.
TEST_F(ClientTest, WhatItOfferedIsNotGivenUp) {
  make_client({.table = {}, .rows = 0, .seed = 0, .max_staged = 1});
  const auto chain = make_chain(4, 20);
  script_->publish(chain[0]);
  EXPECT_EQ(poll(), 1u);
  ASSERT_EQ(client_->offer().version, Version{1});
  for (std::size_t i = 1; i < chain.size(); ++i) script_->publish(chain[i]);
  EXPECT_EQ(poll(), 3u);
  EXPECT_EQ(client_->stats().staged_now, 2u);  // the one offered, and the newest
  EXPECT_FALSE(client_->swap_to(Version{3}));
  ASSERT_TRUE(client_->swap_to(Version{1}));
  expect_served(chain[0]);
  ASSERT_TRUE(client_->swap_to(Version{4}));
  expect_served(chain[3]);
}

TEST_F(ClientTest, AThreadOfItsOwnStagesInTheBackground) {
  const auto chain = make_chain(2, 17);
  script_->poll_errors.push_back({ErrorCode::kUnavailable, "no broker", true});
  client_->start();
  client_->start();  // once is enough
  for (const ChainLink& link : chain) script_->publish(link);
  while (client_->staged().size() < 2) std::this_thread::sleep_for(1ms);
  client_->stop();
  ASSERT_TRUE(client_->swap_to(Version{2}));
  expect_served(chain[1]);
}

// A source whose polls after the first last until they are let go.
class HeldSource final : public mapping::MappingSource {
 public:
  explicit HeldSource(std::shared_ptr<std::binary_semaphore> entered,
                      std::shared_ptr<std::binary_semaphore> go)
      : entered_(std::move(entered)), go_(std::move(go)) {}
  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds) override {
    if (polls_++ > 0) {
      entered_->release();
      go_->acquire();
    }
    return std::vector<mapping::Manifest>{};
  }
  Result<mapping::BlobPtr> fetch(const mapping::Manifest&, mapping::BlobKind) override {
    return fail(ErrorCode::kNotFound, "nothing");
  }

 private:
  int polls_ = 0;
  std::shared_ptr<std::binary_semaphore> entered_, go_;
};

// As at every step of a trainer whose client polls in the background.
TEST(Client, APollWithoutTimeoutWaitsForNoOther) {
  const auto entered = std::make_shared<std::binary_semaphore>(0);
  const auto go = std::make_shared<std::binary_semaphore>(0);
  auto client = Client::create(std::make_unique<HeldSource>(entered, go),
                               {.table = "items", .rows = kChainRows, .seed = kChainSeed});
  ASSERT_TRUE(client) << client.error().message;
  ASSERT_TRUE((*client)->poll(0ms));
  std::jthread other([&] { EXPECT_TRUE((*client)->poll(1000ms)); });
  entered->acquire();
  const auto polled = (*client)->poll(0ms);  // would never come back
  ASSERT_TRUE(polled) << polled.error().message;
  EXPECT_EQ(*polled, 0U);
  go->release();
}

TEST_F(ClientTest, FreesAVersionWhenItsLastReaderLeaves) {
  const auto chain = make_chain(3, 18);
  for (const ChainLink& link : chain) script_->publish(link);
  poll();
  ASSERT_TRUE(client_->swap_next());
  Reader reader = client_->reader();
  {
    const Pin pin = reader.pin();
    ASSERT_TRUE(client_->swap_next());
    ASSERT_TRUE(client_->swap_next());
    EXPECT_EQ(client_->stats().waiting_to_be_freed, 1u);  // version 1; 2 was never pinned
    EXPECT_EQ(pin.version(), Version{1});
  }
  EXPECT_EQ(client_->stats().waiting_to_be_freed, 0u);
  EXPECT_EQ(client_->stats().readers, 1u);
}

}  // namespace
}  // namespace remapd::client
