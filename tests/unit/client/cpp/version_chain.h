// A chain of versions of one table with random content, published as the daemon would, and a source
// that reports them when a test says so, with faults a test can set.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "core/mapping/mapping_source.h"
#include "core/placement/builder.h"
#include "core/placement/migration_planner.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::client {

inline constexpr std::uint32_t kChainRows = 200;
inline constexpr std::uint64_t kChainSeed = 5;

struct ChainLink {
  mapping::Mapping mapping;
  mapping::Publication publication;
};

struct BlobsPublished {
  bool snapshot = true;
  bool delta = true;
  bool plan = true;
};

inline void add_blob(mapping::Publication& publication, mapping::BlobKind kind, Bytes bytes) {
  const auto k = static_cast<std::size_t>(kind);
  publication.manifest.blobs[k] =
      mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
  publication.blobs[k] = std::move(bytes);
}

// The manifest and blobs of link.mapping, which comes after `previous` (null: nothing).
inline void fill_publication(ChainLink& link, const ChainLink* previous, BlobsPublished blobs) {
  const mapping::Mapping& to = link.mapping;
  mapping::Manifest& manifest = link.publication.manifest;
  manifest.info = to.info;
  manifest.ids = to.ids.size();
  manifest.content_hash = mapping::content_hash(to);
  manifest.built_samples = 1'000 * to.info.version.value;
  manifest.next_samples = manifest.built_samples + 1'000;

  placement::PlanInput plan{.table = to.info.table,
                            .from = to.info.parent,
                            .to = to.info.version,
                            .from_rows = kChainRows,
                            .to_rows = kChainRows,
                            .old_rows = {},
                            .new_rows = to.rows,
                            .weights = std::vector<float>(to.ids.size(), 1.0F),
                            .restarted = {},
                            .restart_sources = {},
                            .restart_weights = {}};
  const mapping::Fallback initial = mapping::initial_fallback(kChainRows, kChainSeed);
  for (const Id id : to.ids) {
    plan.old_rows.push_back(previous != nullptr ? previous->mapping.lookup(id) : initial.row(id));
  }
  if (blobs.snapshot) {
    add_blob(link.publication, mapping::BlobKind::kSnapshot, mapping::encode_artifact(to));
  }
  if (blobs.delta && previous != nullptr) {
    add_blob(link.publication, mapping::BlobKind::kDelta,
             mapping::encode_delta(mapping::make_delta(previous->mapping, to)));
  }
  if (blobs.plan) {
    add_blob(link.publication, mapping::BlobKind::kPlan,
             mapping::encode_plan(placement::make_plan(plan)));
  }
}

// The next version of `table`: a tenth of the ids gone, a tenth moved, some new ones.
inline ChainLink next_link(const ChainLink* previous, std::size_t ids, std::uint64_t seed,
                           BlobsPublished blobs = {}) {
  Random random(seed);
  ChainLink link;
  mapping::Mapping& to = link.mapping;
  if (previous == nullptr) {
    to = mapping::random_mapping(ids, kChainRows, seed);
    to.info.fallback.seed = kChainSeed;
  } else {
    const mapping::Mapping& from = previous->mapping;
    to.info = from.info;
    to.info.parent = from.info.version;
    to.info.version = Version{from.info.version.value + 1};
    std::vector<std::pair<Id, Row>> pairs;
    const auto any_row = [&] { return Row{static_cast<std::uint32_t>(random.below(kChainRows))}; };
    for (std::size_t i = 0; i < from.ids.size(); ++i) {
      const std::uint64_t fate = random.below(10);
      if (fate == 0) continue;
      pairs.emplace_back(from.ids[i], fate == 1 ? any_row() : from.rows[i]);
    }
    while (pairs.size() < ids) pairs.emplace_back(random.next(), any_row());
    std::sort(pairs.begin(), pairs.end());
    for (const auto& [id, row] : pairs) {
      to.ids.push_back(id);
      to.rows.push_back(row);
    }
  }
  fill_publication(link, previous, blobs);
  return link;
}

// The mapping of `past` again, as a version of its own after `current`.
inline ChainLink rolled_back(const ChainLink& current, const ChainLink& past) {
  ChainLink link;
  link.mapping = past.mapping;
  link.mapping.info.version = Version{current.mapping.info.version.value + 1};
  link.mapping.info.parent = current.mapping.info.version;
  link.mapping.info.epoch = current.mapping.info.epoch;
  link.publication.manifest.rollback_of = past.mapping.info.version;
  fill_publication(link, &current, {});
  return link;
}

// Versions 1 .. count; snapshots in the first and every `snapshot_every`-th after it.
inline std::vector<ChainLink> make_chain(std::size_t count, std::uint64_t seed,
                                         std::size_t snapshot_every = 1, std::size_t ids = 3'000) {
  std::vector<ChainLink> chain;
  for (std::size_t i = 0; i < count; ++i) {
    chain.push_back(next_link(chain.empty() ? nullptr : &chain.back(), ids, seed + i,
                              {.snapshot = i % snapshot_every == 0, .delta = true, .plan = true}));
  }
  return chain;
}

// The same chain as published by the instance of another epoch.
inline void set_epoch(std::vector<ChainLink>& chain, Epoch epoch) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    ChainLink& link = chain[i];
    link.mapping.info.epoch = link.publication.manifest.info.epoch = epoch;
    if (link.publication.manifest.blob(mapping::BlobKind::kSnapshot)) {
      add_blob(link.publication, mapping::BlobKind::kSnapshot,
               mapping::encode_artifact(link.mapping));
    }
    if (i > 0 && link.publication.manifest.blob(mapping::BlobKind::kDelta)) {
      add_blob(link.publication, mapping::BlobKind::kDelta,
               mapping::encode_delta(mapping::make_delta(chain[i - 1].mapping, link.mapping)));
    }
  }
}

class FakeSource final : public mapping::MappingSource {
 public:
  using Key = std::pair<std::uint64_t, mapping::BlobKind>;

  // What the tests do to it outlives the client that owns the source.
  struct Script {
    std::mutex mutex;
    std::deque<mapping::Manifest> to_report;
    std::map<Key, Bytes> blobs;
    std::map<Key, std::deque<Error>> errors;  // of the next fetches
    std::deque<Error> poll_errors;
    std::string last_problem;

    void publish(const ChainLink& link) { publish(link.publication); }
    void publish(const mapping::Publication& publication) {
      const std::lock_guard lock(mutex);
      for (std::size_t k = 0; k < mapping::kBlobKinds; ++k) {
        if (!publication.manifest.blobs[k]) continue;
        blobs[{publication.manifest.info.version.value, static_cast<mapping::BlobKind>(k)}] =
            publication.blobs[k];
      }
      to_report.push_back(publication.manifest);
    }
  };

  explicit FakeSource(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds) override {
    const std::lock_guard lock(script_->mutex);
    if (!script_->poll_errors.empty()) {
      Error error = script_->poll_errors.front();
      script_->poll_errors.pop_front();
      return fail(std::move(error));
    }
    std::vector<mapping::Manifest> out(script_->to_report.begin(), script_->to_report.end());
    script_->to_report.clear();
    return out;
  }

  // Not for a client with a thread of its own.
  std::string_view last_problem() const override { return script_->last_problem; }

  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest,
                                 mapping::BlobKind kind) override {
    const std::lock_guard lock(script_->mutex);
    const Key key{manifest.info.version.value, kind};
    if (auto& errors = script_->errors[key]; !errors.empty()) {
      Error error = errors.front();
      errors.pop_front();
      return fail(std::move(error));
    }
    const auto found = script_->blobs.find(key);
    if (found == script_->blobs.end()) return fail(ErrorCode::kNotFound, "a chunk is missing");
    return std::make_shared<mapping::OwnedBlob>(found->second);
  }

 private:
  std::shared_ptr<Script> script_;
};

}  // namespace remapd::client
