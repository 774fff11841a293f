// The C interface against the C++ one: the same rows, versions and migrations, from a directory.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "client/c/remap.h"
#include "connectors/files/directory_sink.h"
#include "core/mapping/artifact_encoder.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::client {
namespace {

class RemapC : public testing::Test {
 protected:
  // Makes a chain that publish() may publish.
  std::vector<ChainLink> take_over(std::size_t versions, std::uint64_t seed,
                                   std::size_t snapshot_every = 1) {
    std::vector<ChainLink> chain = make_chain(versions, seed, snapshot_every);
    auto sink = files::DirectoryMappingSink::create({.directory = root_.path()});
    EXPECT_TRUE(sink) << sink.error().message;
    sink_ = std::move(*sink);
    const auto tenure = sink_->take_over(chain[0].mapping.info.table, "test");
    EXPECT_TRUE(tenure) << tenure.error().message;
    set_epoch(chain, tenure->epoch);
    return chain;
  }

  void publish(const ChainLink& link) {
    const auto published = sink_->publish(link.publication);
    ASSERT_TRUE(published) << published.error().message;
  }

  remap_client* open(const std::string& table) {
    remap_client_options options{};
    options.struct_size = sizeof options;
    options.table = table.c_str();
    options.rows = kChainRows;
    options.seed = kChainSeed;
    remap_client* client = nullptr;
    EXPECT_EQ(remap_client_open_directory(root_.path().c_str(), &options, &client), REMAP_OK)
        << remap_last_error();
    return client;
  }

  remapd::test_support::TempDir root_;
  std::unique_ptr<files::DirectoryMappingSink> sink_;
};

std::vector<Id> questions(const mapping::Mapping& mapping, std::uint64_t seed) {
  std::vector<Id> ids = mapping.ids;
  Random random(seed);
  for (int i = 0; i < 500; ++i) ids.push_back(random.next());
  return ids;
}

TEST_F(RemapC, AnOpenedFileAnswersAsTheMappingItHolds) {
  const auto chain = make_chain(1, 7);
  const mapping::Mapping& mapping = chain[0].mapping;
  const std::string path = root_.path() / "mapping.remap";
  const Bytes bytes = mapping::encode_artifact(mapping);
  std::ofstream(path).write(reinterpret_cast<const char*>(bytes.data()),
                            static_cast<std::streamsize>(bytes.size()));
  remap_mapping* opened = nullptr;
  ASSERT_EQ(remap_mapping_open(path.c_str(), &opened), REMAP_OK) << remap_last_error();

  const std::vector<Id> ids = questions(mapping, 1);
  std::vector<std::uint32_t> narrow(ids.size());
  std::vector<std::int64_t> wide(ids.size());
  std::vector<std::uint8_t> roles(ids.size());
  ASSERT_EQ(remap_mapping_lookup_u32(opened, ids.data(), ids.size(), narrow.data()), REMAP_OK);
  ASSERT_EQ(remap_mapping_lookup_i64(opened, ids.data(), ids.size(), wide.data()), REMAP_OK);
  ASSERT_EQ(remap_mapping_roles(opened, ids.data(), ids.size(), roles.data()), REMAP_OK);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(narrow[i], mapping.lookup(ids[i]).value);
    ASSERT_EQ(wide[i], std::int64_t{narrow[i]});
    const bool known = mapping.find(ids[i]) < mapping.ids.size();
    ASSERT_EQ(roles[i], !known                                    ? REMAP_ROLE_FALLBACK
                        : narrow[i] < mapping.info.dedicated_rows ? REMAP_ROLE_DEDICATED
                                                                  : REMAP_ROLE_SHARED);
  }
  remap_mapping_info info{};
  EXPECT_EQ(remap_mapping_get_info(opened, &info), REMAP_INVALID_ARGUMENT);
  EXPECT_NE(std::string(remap_last_error()).find("struct_size"), std::string::npos);
  info.struct_size = sizeof info;
  ASSERT_EQ(remap_mapping_get_info(opened, &info), REMAP_OK);
  EXPECT_EQ(info.ids, mapping.ids.size());
  EXPECT_EQ(info.rows, kChainRows);
  EXPECT_EQ(info.table, mapping.info.table);
  remap_mapping_close(opened);

  std::filesystem::resize_file(path, bytes.size() - 1);
  EXPECT_EQ(remap_mapping_open(path.c_str(), &opened), REMAP_CORRUPT);
  EXPECT_NE(std::string(remap_last_error()).find(path), std::string::npos);
  EXPECT_EQ(remap_mapping_open((path + "x").c_str(), &opened), REMAP_NOT_FOUND);
}

TEST_F(RemapC, ACompactFileKnowsEveryId) {
  const auto chain = make_chain(1, 7);
  const mapping::Mapping& mapping = chain[0].mapping;
  const std::string path = root_.path() / "mapping.remap";
  const Bytes bytes = mapping::encode_artifact(mapping, mapping::ArtifactKind::kCompact);
  std::ofstream(path).write(reinterpret_cast<const char*>(bytes.data()),
                            static_cast<std::streamsize>(bytes.size()));
  remap_mapping* opened = nullptr;
  ASSERT_EQ(remap_mapping_open(path.c_str(), &opened), REMAP_OK) << remap_last_error();
  const std::size_t count = mapping.ids.size();
  std::vector<std::uint32_t> rows(count);
  std::vector<std::uint8_t> roles(count);
  ASSERT_EQ(remap_mapping_lookup_u32(opened, mapping.ids.data(), count, rows.data()), REMAP_OK);
  ASSERT_EQ(remap_mapping_roles(opened, mapping.ids.data(), count, roles.data()), REMAP_OK);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(rows[i], mapping.rows[i].value);
    ASSERT_NE(roles[i], REMAP_ROLE_FALLBACK);
  }
  remap_mapping_close(opened);
}

// docs/formats.md, "Ids", has the same values.
TEST(RemapIds, TextIsPinned) {
  const std::vector<std::pair<std::string, std::uint64_t>> pinned{
      {"B00X", 4029436282391442434ULL},
      {" B00X ", 4029436282391442434ULL},
      {"-1", 0xffffffffffffffffULL},
      {" 007 ", 7},
      {"9007199254740993", 9007199254740993ULL}};
  std::string bytes, items;
  std::u32string wide_items;
  std::vector<std::uint64_t> ends, expected;
  constexpr std::size_t kWidth = 20;
  for (const auto& [text, id] : pinned) {
    std::uint64_t found = 0;
    ASSERT_EQ(remap_id_of_text(text.data(), text.size(), &found), REMAP_OK) << remap_last_error();
    EXPECT_EQ(found, id) << text;
    bytes += text;
    ends.push_back(bytes.size());
    expected.push_back(id);
    std::string item = text;
    item.resize(kWidth);
    items += item;
    wide_items.append(item.begin(), item.end());
  }
  std::vector<std::uint64_t> ids(pinned.size());
  ASSERT_EQ(remap_ids_of_texts(bytes.data(), ends.data(), ids.size(), ids.data()), REMAP_OK);
  EXPECT_EQ(ids, expected);
  ids.assign(pinned.size(), 0);
  ASSERT_EQ(remap_ids_of_utf8_items(items.data(), kWidth, ids.size(), ids.data()), REMAP_OK);
  EXPECT_EQ(ids, expected);
  ids.assign(pinned.size(), 0);
  const auto* code_points = reinterpret_cast<const std::uint32_t*>(wide_items.data());
  ASSERT_EQ(remap_ids_of_utf32_items(code_points, kWidth, ids.size(), ids.data()), REMAP_OK);
  EXPECT_EQ(ids, expected);
}

TEST(RemapIds, CodePointsAreTheirUtf8) {
  const std::u32string wide = U"z\u00df\u6c34\U0001f34c";
  const std::string narrow = "z\u00df\u6c34\U0001f34c";
  std::uint64_t of_wide = 0, of_narrow = 1;
  ASSERT_EQ(remap_ids_of_utf32_items(reinterpret_cast<const std::uint32_t*>(wide.data()),
                                     wide.size(), 1, &of_wide),
            REMAP_OK);
  ASSERT_EQ(remap_id_of_text(narrow.data(), narrow.size(), &of_narrow), REMAP_OK);
  EXPECT_EQ(of_wide, of_narrow);
}

TEST(RemapIds, WhatIsNoIdIsNamed) {
  std::uint64_t ids[2] = {};
  EXPECT_EQ(remap_id_of_text("  ", 2, ids), REMAP_INVALID_ARGUMENT);
  const std::uint64_t ends[] = {1, 3};
  EXPECT_EQ(remap_ids_of_texts("a  ", ends, 2, ids), REMAP_INVALID_ARGUMENT);
  EXPECT_NE(std::string(remap_last_error()).find("ids[1]"), std::string::npos);
  const std::uint64_t back[] = {1, 0};
  EXPECT_EQ(remap_ids_of_texts("a", back, 2, ids), REMAP_INVALID_ARGUMENT);
  const std::uint32_t surrogate[] = {'a', 0xd800};
  EXPECT_EQ(remap_ids_of_utf32_items(surrogate, 1, 2, ids), REMAP_INVALID_ARGUMENT);
  EXPECT_NE(std::string(remap_last_error()).find("ids[1]: U+D800"), std::string::npos);
}

TEST_F(RemapC, TheLastProblemIsTold) {
  const auto chain = take_over(1, 13);
  publish(chain[0]);
  remap_client* client = open("itm");
  std::uint64_t number = 9;
  char text[256];
  ASSERT_EQ(remap_client_last_problem(client, &number, text, sizeof text), REMAP_OK);
  EXPECT_EQ(number, 0U);
  EXPECT_EQ(std::string(text), "");
  ASSERT_EQ(remap_client_poll(client, 0, nullptr), REMAP_OK) << remap_last_error();
  ASSERT_EQ(remap_client_last_problem(client, &number, text, sizeof text), REMAP_OK);
  EXPECT_EQ(number, 1U);
  EXPECT_NE(std::string(text).find("no table \"itm\" in "), std::string::npos) << text;
  EXPECT_NE(std::string(text).find(chain[0].mapping.info.table), std::string::npos) << text;
  ASSERT_EQ(remap_client_last_problem(client, &number, text, 4), REMAP_OK);
  EXPECT_EQ(std::string(text), "no ");
  remap_client_close(client);
}

TEST_F(RemapC, AbsentArgumentsAreErrors) {
  EXPECT_EQ(remap_abi_version(), REMAP_ABI_VERSION);
  EXPECT_EQ(remap_mapping_open(nullptr, nullptr), REMAP_INVALID_ARGUMENT);
  EXPECT_EQ(remap_client_poll(nullptr, 0, nullptr), REMAP_INVALID_ARGUMENT);
  EXPECT_EQ(remap_reader_lookup_i64(nullptr, nullptr, 0, nullptr, nullptr), REMAP_INVALID_ARGUMENT);
  EXPECT_NE(std::string(remap_last_error()).find("reader"), std::string::npos);
  remap_client_close(nullptr);
  remap_mapping_close(nullptr);
}

TEST_F(RemapC, SwapsMigrateAsTheDefinitionSays) {
  const auto chain = take_over(3, 11);
  remap_client* client = open(chain[0].mapping.info.table);
  std::size_t newly = 0;
  ASSERT_EQ(remap_client_poll(client, 0, &newly), REMAP_OK) << remap_last_error();
  for (const ChainLink& link : chain) publish(link);
  ASSERT_EQ(remap_client_poll(client, 5'000, &newly), REMAP_OK) << remap_last_error();

  std::vector<float> matrix(kChainRows * 4);
  for (std::size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<float>(i % 97);
  std::uint64_t served = 0;
  while (true) {
    remap_migration* migration = nullptr;
    const remap_status swapped = remap_client_swap_next(client, 0, &migration);
    if (swapped == REMAP_NOT_FOUND) break;
    ASSERT_EQ(swapped, REMAP_OK) << remap_last_error();
    std::vector<float> expected = matrix;
    remap_migration_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(remap_migration_get_info(migration, &info), REMAP_OK);
    for (std::size_t p = 0; p < info.plans; ++p) {
      remap_plan plan{};
      plan.struct_size = sizeof plan;
      ASSERT_EQ(remap_migration_get_plan(migration, p, &plan), REMAP_OK);
      const std::vector<float> old = expected;
      for (std::size_t i = 0; i < plan.changed_count; ++i) {
        for (std::size_t c = 0; c < 4; ++c) {
          double sum = 0;
          for (std::uint32_t j = plan.source_begin[i]; j < plan.source_begin[i + 1]; ++j) {
            sum += double{plan.weights[j]} * old[plan.sources[j] * 4 + c];
          }
          expected[plan.changed[i] * 4 + c] = static_cast<float>(sum);
        }
      }
    }
    ASSERT_EQ(remap_migration_apply_f32(migration, matrix.data(), matrix.size(), 4), REMAP_OK)
        << remap_last_error();
    for (std::size_t i = 0; i < matrix.size(); ++i) ASSERT_NEAR(matrix[i], expected[i], 1e-3);
    EXPECT_EQ(remap_migration_apply_f32(migration, matrix.data(), matrix.size() - 1, 4),
              REMAP_INVALID_ARGUMENT);
    served = info.to;
    remap_migration_close(migration);
  }
  EXPECT_EQ(served, chain.back().mapping.info.version.value);
  remap_mapping* current = nullptr;
  ASSERT_EQ(remap_client_current(client, &current), REMAP_OK);
  remap_client_close(client);
  const std::vector<Id> ids = questions(chain.back().mapping, 2);
  std::vector<std::int64_t> rows(ids.size());
  ASSERT_EQ(remap_mapping_lookup_i64(current, ids.data(), ids.size(), rows.data()), REMAP_OK);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(rows[i], chain.back().mapping.lookup(ids[i]).value);
  }
  remap_mapping_close(current);
}

TEST_F(RemapC, SeveralFeaturesAreLookedUpAtOnce) {
  const auto chain = take_over(1, 13);
  publish(chain[0]);
  remap_client* client = open(chain[0].mapping.info.table);
  remap_client* other = open("of which there is no version");
  ASSERT_EQ(remap_client_poll(client, 5'000, nullptr), REMAP_OK) << remap_last_error();
  std::uint64_t served = 9, offered = 9;
  ASSERT_EQ(remap_client_offer(client, UINT64_MAX, UINT64_MAX, &served, &offered), REMAP_OK);
  EXPECT_EQ(served, 0U);
  EXPECT_EQ(offered, 1U);
  EXPECT_EQ(remap_client_check(client), REMAP_OK);
  remap_migration* migration = nullptr;
  ASSERT_EQ(remap_client_swap_to(client, offered, 0, &migration), REMAP_OK);
  remap_migration_close(migration);
  remap_reader* of_client = nullptr;
  remap_reader* of_other = nullptr;
  ASSERT_EQ(remap_client_reader(client, &of_client), REMAP_OK);
  ASSERT_EQ(remap_client_reader(other, &of_other), REMAP_OK);

  const std::vector<Id> ids = questions(chain[0].mapping, 4);
  remap_reader* const readers[] = {of_client, nullptr, of_other, of_other, of_client};
  const std::size_t counts[] = {1'500, 3, 10, 0, ids.size() - 1'513};
  std::vector<std::int64_t> rows(ids.size(), -7);
  ASSERT_EQ(remap_readers_lookup_i64(readers, counts, 5, ids.data(), rows.data()), REMAP_OK);
  const mapping::Fallback initial = mapping::initial_fallback(kChainRows, kChainSeed);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool as_it_is = i >= 1'500 && i < 1'503;
    const bool unmapped = i >= 1'503 && i < 1'513;
    const Row row = unmapped ? initial.row(ids[i]) : chain[0].mapping.lookup(ids[i]);
    ASSERT_EQ(rows[i], as_it_is ? static_cast<std::int64_t>(ids[i]) : std::int64_t{row.value});
  }
  EXPECT_EQ(remap_readers_lookup_i64(nullptr, counts, 5, ids.data(), rows.data()),
            REMAP_INVALID_ARGUMENT);
  EXPECT_EQ(remap_readers_lookup_i64(nullptr, nullptr, 0, nullptr, nullptr), REMAP_OK);
  remap_reader_close(of_client);
  remap_reader_close(of_other);
  remap_client_close(client);
  remap_client_close(other);
}

// Lookups of the test below, a few seconds' worth; REMAPD_LOOKUPS sets another number.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kLookups = 4'000'000;
#else
constexpr std::uint64_t kLookups = 100'000'000;
#endif

// Eight threads look up while versions are swapped under them; every row must be the answer of the
// one version that its batch names.
TEST_F(RemapC, EveryBatchIsOfTheVersionItClaims) {
  constexpr std::size_t kVersions = 60;
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kBatch = 512;
  const char* wanted = std::getenv("REMAPD_LOOKUPS");
  const std::uint64_t total = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kLookups;
  const auto chain = take_over(kVersions, 23, 3);
  const std::vector<Id> ids = questions(chain[5].mapping, 3);
  std::vector<std::vector<std::int64_t>> expected(kVersions + 1);
  const mapping::Fallback initial = mapping::initial_fallback(kChainRows, kChainSeed);
  for (std::size_t v = 0; v <= kVersions; ++v) {
    for (const Id id : ids) {
      expected[v].push_back(v == 0 ? initial.row(id).value : chain[v - 1].mapping.lookup(id).value);
    }
  }
  remap_client* client = open(chain[0].mapping.info.table);
  std::size_t newly = 0;
  ASSERT_EQ(remap_client_poll(client, 0, &newly), REMAP_OK);  // was there before the first version
  std::atomic<std::uint64_t> wrong{0}, done{0};
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      remap_reader* reader = nullptr;
      if (remap_client_reader(client, &reader) != REMAP_OK) {
        wrong += 1;
        return;
      }
      Random random(t);
      std::vector<std::int64_t> rows(kBatch);
      while (done.fetch_add(kBatch) < total) {
        const std::size_t at = random.below(ids.size() - kBatch);
        std::uint64_t version = kVersions + 1;
        if (remap_reader_lookup_i64(reader, ids.data() + at, kBatch, rows.data(), &version) !=
                REMAP_OK ||
            version > kVersions) {
          wrong += 1;
          continue;
        }
        for (std::size_t i = 0; i < kBatch; ++i) wrong += rows[i] != expected[version][at + i];
      }
      remap_reader_close(reader);
    });
  }
  std::size_t swaps = 0;
  for (std::size_t v = 0; v < kVersions; ++v) {
    // Spread over the lookups, so that each swap has readers under it.
    while (done.load() < total * v / (kVersions + 1)) std::this_thread::yield();
    publish(chain[v]);
    ASSERT_EQ(remap_client_poll(client, 5'000, &newly), REMAP_OK) << remap_last_error();
    remap_migration* migration = nullptr;
    ASSERT_EQ(remap_client_swap_to(client, v + 1, 0, &migration), REMAP_OK) << remap_last_error();
    remap_migration_close(migration);
    ++swaps;
  }
  threads.clear();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_EQ(swaps, kVersions);
  remap_client_close(client);
}

}  // namespace
}  // namespace remapd::client
