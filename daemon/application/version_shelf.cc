#include "daemon/application/version_shelf.h"

#include <algorithm>
#include <utility>

#include "core/base/hash.h"

namespace remapd::application {

std::string_view to_string(VersionOutcome outcome) {
  switch (outcome) {
    case VersionOutcome::kPublished:
      return "published";
    case VersionOutcome::kRefused:
      return "refused";
    case VersionOutcome::kFailed:
      return "failed";
    case VersionOutcome::kFound:
      break;
  }
  return "found";
}

KeptVersionPtr make_kept_version(mapping::Manifest manifest, mapping::BlobPtr artifact,
                                 mapping::BlobPtr delta, mapping::BlobPtr plan) {
  auto kept = std::make_shared<KeptVersion>();
  kept->manifest = std::move(manifest);
  kept->blobs = {std::move(artifact), std::move(delta), std::move(plan)};
  for (std::size_t kind = 0; kind < mapping::kBlobKinds; ++kind) {
    const mapping::BlobPtr& blob = kept->blobs[kind];
    auto& info = kept->manifest.blobs[kind];
    if (blob == nullptr) {
      info.reset();
    } else if (const ByteView bytes = blob->view();
               !info || info->size != bytes.size() || info->checksum != checksum(bytes)) {
      info = mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
    }
  }
  return kept;
}

void VersionShelf::add(VersionRecord record, KeptVersionPtr kept) {
  const std::lock_guard lock(mutex_);
  Table& table = tables_[record.table];
  record.sequence = ++sequence_;
  table.records.push_back(std::move(record));
  if (table.records.size() > kRemembered) table.records.pop_front();
  if (kept == nullptr) return;
  while (!table.kept.empty() &&
         table.kept.back()->manifest.info.version >= kept->manifest.info.version) {
    table.kept.pop_back();
  }
  table.kept.push_back(std::move(kept));
  const auto has_snapshot = [](const KeptVersionPtr& version) {
    return version->blob(mapping::BlobKind::kSnapshot) != nullptr;
  };
  while (table.kept.size() > keep_ &&
         std::any_of(table.kept.begin() + 1, table.kept.end(), has_snapshot)) {
    table.kept.pop_front();
  }
}

std::vector<VersionRecord> VersionShelf::records(std::string_view table) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  if (found == tables_.end()) return {};
  return {found->second.records.rbegin(), found->second.records.rend()};
}

std::vector<VersionRecord> VersionShelf::records_since(std::uint64_t sequence) const {
  std::vector<VersionRecord> out;
  {
    const std::lock_guard lock(mutex_);
    if (sequence >= sequence_) return out;
    for (const auto& [name, table] : tables_) {
      for (const VersionRecord& record : table.records) {
        if (record.sequence > sequence) out.push_back(record);
      }
    }
  }
  std::ranges::sort(out, {}, &VersionRecord::sequence);
  return out;
}

std::uint64_t VersionShelf::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

std::uint64_t VersionShelf::bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [name, table] : tables_) {
    for (const KeptVersionPtr& kept : table.kept) {
      for (const mapping::BlobPtr& blob : kept->blobs) sum += blob ? blob->view().size() : 0;
    }
  }
  return sum;
}

KeptVersionPtr VersionShelf::find(std::string_view table, std::optional<Version> version) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(table);
  if (found == tables_.end() || found->second.kept.empty()) return nullptr;
  if (!version) return found->second.kept.back();
  for (const KeptVersionPtr& kept : found->second.kept) {
    if (kept->manifest.info.version == *version) return kept;
  }
  return nullptr;
}

}  // namespace remapd::application
