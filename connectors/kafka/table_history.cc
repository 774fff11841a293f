#include "connectors/kafka/table_history.h"

#include <algorithm>
#include <iterator>

#include "connectors/proto/manifest_codec.h"

namespace remapd::kafka {

using mapping::BlobKind;

TableHistory::Applied TableHistory::apply(std::int64_t offset, const RecordKey& key,
                                          const v1::MappingRecord* value) {
  if (value == nullptr) {
    apply_tombstone(key);
    return Applied::kNothing;
  }
  if (key.kind == RecordKind::kClaim) {
    const Epoch claimed{value->claim().epoch()};
    if (claimed <= epoch_) return Applied::kStale;
    raise_epoch(claimed);
    holder_ = value->claim().instance();
    claim_offset_ = offset;
    return Applied::kNothing;
  }
  Written& written = written_[{key.version, key.epoch}];
  if (key.kind == RecordKind::kChunk) {
    written.chunks[{key.blob, key.index}] = offset;
    if (key.epoch < epoch_) return Applied::kStale;
    raise_epoch(key.epoch);
    return Applied::kChunk;
  }
  written.manifest = true;
  if (key.epoch < epoch_) return Applied::kStale;
  raise_epoch(key.epoch);
  return apply_manifest(offset, key, value->manifest());
}

void TableHistory::apply_damaged(const RecordKey& key) {
  if (key.kind == RecordKind::kClaim) return;
  Written& written = written_[{key.version, key.epoch}];
  if (key.kind == RecordKind::kChunk) {
    written.chunks.try_emplace({key.blob, key.index}, 0);  // so that it is deleted some day
    return;
  }
  written.manifest = true;
  if (key.epoch >= epoch_) newest_ = std::max(newest_, key.version);
}

void TableHistory::raise_epoch(Epoch epoch) {
  if (epoch <= epoch_) return;
  epoch_ = epoch;
  holder_.clear();
  claim_offset_ = -1;
}

TableHistory::Applied TableHistory::apply_manifest(std::int64_t offset, const RecordKey& key,
                                                   const v1::Manifest& message) {
  auto manifest = proto::from_proto(message);
  if (!manifest) {
    newest_ = std::max(newest_, key.version);
    return Applied::kUnreadable;
  }
  // Those it does not exceed: of a lower epoch they are stale, of the same it is not in order.
  auto not_exceeded = versions_.lower_bound(key.version);
  if (not_exceeded != versions_.end()) {
    const bool again = std::next(not_exceeded) == versions_.end() &&
                       not_exceeded->first == key.version &&
                       not_exceeded->second.manifest.info.epoch == key.epoch;
    const bool replaces = std::all_of(not_exceeded, versions_.end(), [&](const auto& entry) {
      return entry.second.manifest.info.epoch < key.epoch;
    });
    if (!again && !replaces) return Applied::kUnreadable;
    versions_.erase(not_exceeded, versions_.end());
  }
  PublishedVersion published{.manifest = std::move(*manifest), .begins = offset, .offset = offset};
  for (const auto& [chunk, at] : written_[{key.version, key.epoch}].chunks) {
    published.begins = std::min(published.begins, at);
  }
  versions_.emplace(key.version, std::move(published));
  newest_ = std::max(newest_, key.version);
  return Applied::kVersion;
}

void TableHistory::apply_tombstone(const RecordKey& key) {
  if (key.kind == RecordKind::kClaim) return;  // the epoch was in force all the same
  const auto found = written_.find({key.version, key.epoch});
  if (found != written_.end()) {
    if (key.kind == RecordKind::kManifest) {
      found->second.manifest = false;
    } else {
      found->second.chunks.erase({key.blob, key.index});
    }
    if (!found->second.manifest && found->second.chunks.empty()) written_.erase(found);
  }
  if (key.kind != RecordKind::kManifest) return;
  const auto version = versions_.find(key.version);
  if (version != versions_.end() && version->second.manifest.info.epoch == key.epoch) {
    versions_.erase(version);
  }
}

std::vector<RecordKey> TableHistory::obsolete(std::uint32_t retain) const {
  Version oldest_kept = newest_;
  if (!versions_.empty()) {
    const std::size_t kept = std::min<std::size_t>(versions_.size(), std::max(retain, 1U));
    oldest_kept = std::prev(versions_.end(), static_cast<std::ptrdiff_t>(kept))->first;
    const auto snapshot = std::find_if(versions_.rbegin(), versions_.rend(), [](const auto& entry) {
      return entry.second.manifest.blob(BlobKind::kSnapshot).has_value();
    });
    // Without any snapshot the deltas lead on from what readers have: all are kept.
    oldest_kept = snapshot == versions_.rend() ? versions_.begin()->first
                                               : std::min(oldest_kept, snapshot->first);
  }
  std::vector<RecordKey> keys;
  for (const auto& [attempt, written] : written_) {
    const auto& [version, epoch] = attempt;
    const auto in_force = versions_.find(version);
    const bool is_in_force =
        in_force != versions_.end() && in_force->second.manifest.info.epoch == epoch;
    // What is being written now is of the epoch in force and newer than all versions.
    const bool under_way = epoch == epoch_ && version > newest_;
    if (is_in_force ? version >= oldest_kept : under_way) continue;
    RecordKey key{
        .kind = RecordKind::kManifest, .table = table_, .version = version, .epoch = epoch};
    if (written.manifest) keys.push_back(key);
    key.kind = RecordKind::kChunk;
    for (const auto& [chunk, at] : written.chunks) {
      key.blob = chunk.first;
      key.index = chunk.second;
      keys.push_back(key);
    }
  }
  return keys;
}

}  // namespace remapd::kafka
