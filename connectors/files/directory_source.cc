#include "connectors/files/directory_source.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "connectors/files/mapping_directory.h"

namespace remapd::files {
using mapping::BlobKind;
using mapping::Manifest;

namespace {

constexpr std::chrono::milliseconds kInterval{200};

// Trying again cannot help.
bool is_final(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<std::unique_ptr<DirectoryMappingSource>> DirectoryMappingSource::create(
    const std::filesystem::path& directory, std::string table) {
  auto folder = table_directory(directory, table);
  if (!folder) return fail(folder.error());
  return std::unique_ptr<DirectoryMappingSource>(
      new DirectoryMappingSource(std::move(*folder), std::move(table)));
}

Result<Manifest> DirectoryMappingSource::examine(Version version) const {
  auto manifest = read_manifest(table_directory_, table_, version);
  if (!manifest) return manifest;
  for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan}) {
    if (!manifest->blob(kind)) continue;
    if (auto blob = open_blob(table_directory_, *manifest, kind); !blob) return fail(blob.error());
  }
  return manifest;
}

std::string DirectoryMappingSource::stale(const Manifest& manifest, Epoch in_force) const {
  return fmt::format("{}: version {} is of the stale epoch {}; {} is in force",
                     table_directory_.string(), manifest.info.version.value,
                     manifest.info.epoch.value, in_force.value);
}

// Nothing was reported yet: from the newest version that has a good snapshot onwards. The manifests
// before it are read too, since they tell which of the later ones are stale.
std::vector<Manifest> DirectoryMappingSource::first_scan(const std::vector<Version>& versions) {
  Epoch highest;
  for (const Version version : versions) {
    const auto manifest = read_manifest(table_directory_, table_, version);
    if (!manifest) continue;
    if (manifest->info.epoch < highest) {
      unusable_.insert(version);
      last_problem_ = stale(*manifest, highest);
    }
    highest = std::max(highest, manifest->info.epoch);
  }
  std::vector<Manifest> newest_first;
  for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
    if (unusable_.contains(*at)) continue;
    auto manifest = examine(*at);
    if (!manifest) {
      if (manifest.error().code != ErrorCode::kNotFound) last_problem_ = manifest.error().message;
      if (!is_final(manifest.error())) {
        caught_up_ = false;
        return {};
      }
      unusable_.insert(*at);
      continue;
    }
    newest_first.push_back(std::move(*manifest));
    if (!newest_first.back().blob(BlobKind::kSnapshot)) continue;

    seen_ = versions.back();
    unusable_.clear();
    std::reverse(newest_first.begin(), newest_first.end());
    return newest_first;
  }
  return {};  // deltas alone are of no use to who has nothing
}

std::vector<Manifest> DirectoryMappingSource::scan() {
  const auto versions = list_versions(table_directory_);
  if (!versions) {
    last_problem_ = versions.error().message;
    return {};
  }
  std::vector<Manifest> found;
  caught_up_ = true;
  // A source that polled before the first version reports all versions.
  if (versions->empty()) {
    from_the_first_ = true;
    if (seen_ == kNoVersion) look_for_the_table();
  }
  if (seen_ == kNoVersion && !from_the_first_) {
    found = first_scan(*versions);
  } else {
    if (!versions->empty() && versions->back() < seen_) {
      last_problem_ = fmt::format(
          "{}: the newest version there is {}, but {} was there before: if the directory was "
          "emptied "
          "and begun anew, start this client anew too",
          table_directory_.string(), versions->back().value, seen_.value);
    }
    for (const Version version : *versions) {
      if (version <= seen_) continue;
      auto manifest = read_manifest(table_directory_, table_, version);
      if (manifest) {
        found.push_back(std::move(*manifest));
      } else {
        if (manifest.error().code != ErrorCode::kNotFound) {
          last_problem_ = manifest.error().message;
        }
        if (!is_final(manifest.error())) break;
      }
      seen_ = version;
    }
  }
  std::erase_if(found, [&](const Manifest& manifest) {
    if (manifest.info.epoch < epoch_) {
      last_problem_ = stale(manifest, epoch_);
      return true;
    }
    epoch_ = manifest.info.epoch;
    return false;
  });
  return found;
}

// There is no version: because the table is not published yet, or because of a wrong name?
void DirectoryMappingSource::look_for_the_table() {
  std::error_code error;
  if (std::filesystem::exists(table_directory_, error)) return;
  const std::filesystem::path root = table_directory_.parent_path();
  if (!std::filesystem::exists(root, error)) {
    last_problem_ = fmt::format(
        "the mapping directory {} does not exist: it is [sink.directory] path "
        "of the daemon, which makes it",
        root.string());
    return;
  }
  std::set<std::string> others;
  for (std::filesystem::directory_iterator at(root, error), end; !error && at != end;
       at.increment(error)) {
    if (auto other = parse_table_directory(at->path().filename().string())) {
      others.insert(std::move(*other));
    }
  }
  if (!others.empty()) last_problem_ = mapping::no_such_table(root.string(), table_, others);
}

Result<std::vector<Manifest>> DirectoryMappingSource::poll(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    std::vector<Manifest> found = scan();
    const auto now = std::chrono::steady_clock::now();
    if (!found.empty() || now >= deadline) return found;
    std::this_thread::sleep_for(
        std::min<std::chrono::steady_clock::duration>(kInterval, deadline - now));
  }
}

Result<mapping::BlobPtr> DirectoryMappingSource::fetch(const Manifest& manifest, BlobKind kind) {
  return open_blob(table_directory_, manifest, kind);
}

}  // namespace remapd::files
