#include "connectors/files/directory_sink.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "connectors/files/durable_file.h"
#include "connectors/files/mapping_directory.h"
#include "connectors/proto/manifest_codec.h"
#include "core/base/failpoint.h"
#include "core/base/hash.h"
#include "core/pipeline/failpoints.h"

namespace remapd::files {
namespace fs = std::filesystem;
using mapping::BlobKind;
using mapping::Manifest;
using mapping::Publication;

namespace {

// For a claim that could not be read: its owner is not known.
bool says_nothing(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<std::unique_ptr<DirectoryMappingSink>> DirectoryMappingSink::create(
    DirectorySinkOptions options) {
  if (options.retain_versions == 0) {
    return fail(ErrorCode::kInvalidArgument, "at least one mapping version must be retained");
  }
  if (auto made = make_directories(options.directory); !made) return fail(made.error());
  if (auto writable = check_writable(options.directory); !writable) return fail(writable.error());
  return std::unique_ptr<DirectoryMappingSink>(new DirectoryMappingSink(std::move(options)));
}

// As its versions and its claim say.
Result<mapping::Tenure> DirectoryMappingSink::tenure_in(const fs::path& table_directory,
                                                        std::string_view table) {
  mapping::Tenure tenure;
  const auto versions = list_versions(table_directory);
  if (!versions) return fail(versions.error());
  if (!versions->empty()) tenure.newest = versions->back();
  // Epochs of manifests count too, in case the claim is damaged or was removed.
  for (auto at = versions->rbegin(); at != versions->rend() && !tenure.last; ++at) {
    auto manifest = read_manifest(table_directory, table, *at);
    if (manifest) {
      tenure.epoch = manifest->info.epoch;
      tenure.last = std::move(*manifest);
    } else {
      last_problem_ = manifest.error().message;
    }
  }
  const auto previous = read_claim(table_directory);
  if (previous) {
    tenure.epoch = std::max(tenure.epoch, previous->epoch);
  } else if (previous.error().code == ErrorCode::kCorrupt) {
    last_problem_ = previous.error().message;
  } else if (previous.error().code != ErrorCode::kNotFound) {
    return fail(previous.error());
  }
  return tenure;
}

Result<mapping::Tenure> DirectoryMappingSink::examine(std::string_view table) {
  const auto folder = table_directory(options_.directory, table);
  if (!folder) return fail(folder.error());
  std::error_code ignored;
  if (!fs::exists(*folder, ignored)) return mapping::Tenure{};  // create() knows it can be made
  if (auto writable = check_writable(*folder); !writable) return fail(writable.error());
  return tenure_in(*folder, table);
}

Result<mapping::Tenure> DirectoryMappingSink::take_over(std::string_view table,
                                                        std::string_view instance) {
  const auto folder = table_directory(options_.directory, table);
  if (!folder) return fail(folder.error());
  if (auto made = make_directories(*folder); !made) return fail(made.error());
  const auto lock = FileLock::acquire(*folder / kLockFile, options_.lock_patience);
  if (!lock) return fail(lock.error());
  auto tenure = tenure_in(*folder, table);
  if (!tenure) return tenure;
  ++tenure->epoch.value;

  Claim claim{tenure->epoch, std::string(instance), random_token()};
  if (auto written = write_claim(*folder, claim); !written) return fail(written.error());
  claims_.insert_or_assign(std::string(table), std::move(claim));

  std::vector<fs::path> leftovers;
  std::error_code error;
  for (fs::directory_iterator at(*folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(kStagingPrefix) || name.starts_with(kTrashPrefix)) {
      leftovers.push_back(at->path());
    }
  }
  for (const fs::path& leftover : leftovers) remove(leftover);
  return tenure;
}

// The newest manifest of a higher epoch, if another instance has published one; else none. Under
// the table's lock.
Result<std::optional<Manifest>> DirectoryMappingSink::successor(const fs::path& table_directory,
                                                                const std::string& table) {
  const Claim& ours = claims_.find(table)->second;
  const auto versions = list_versions(table_directory);
  if (!versions) return fail(versions.error());
  for (const Version version : *versions) {
    auto manifest = read_manifest(table_directory, table, version);
    if (!manifest && manifest.error().code != ErrorCode::kCorrupt) return fail(manifest.error());
    if (manifest && manifest->info.epoch > ours.epoch) return std::move(*manifest);
  }
  return std::nullopt;
}

// Writes a damaged or missing claim again, unless a successor has published. If a successor has
// claimed the table without publishing yet, one of the two instances prevails.
Result<void> DirectoryMappingSink::mend_claim(const fs::path& table_directory,
                                              const std::string& table) {
  const auto lock = FileLock::acquire(table_directory / kLockFile, options_.lock_patience);
  if (!lock) return fail(lock.error());
  const auto claimed = check_claim(table_directory, table);
  if (claimed || !says_nothing(claimed.error())) return claimed;
  last_problem_ = claimed.error().message;
  const Claim& ours = claims_.find(table)->second;
  const auto other = successor(table_directory, table);
  if (!other) return fail(other.error());
  if (*other) {
    return fail(ErrorCode::kConflict,
                fmt::format("{}: table {} has been taken over: version {} is of epoch {} (ours is "
                            "{})",
                            table_directory.string(), table, (*other)->info.version.value,
                            (*other)->info.epoch.value, ours.epoch.value));
  }
  return write_claim(table_directory, ours);
}

Result<void> DirectoryMappingSink::check_claim(const fs::path& table_directory,
                                               std::string_view table) {
  const Claim& ours = claims_.find(table)->second;
  const auto there = read_claim(table_directory);
  if (!there) {
    return fail(Error(there.error())
                    .with_context(fmt::format("cannot tell who may publish table {}", table)));
  }
  if (there->token == ours.token) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("{}: instance {} has taken table {} over with epoch {} (ours is {})",
                          table_directory.string(), there->instance, table, there->epoch.value,
                          ours.epoch.value));
}

Result<void> DirectoryMappingSink::stage(const fs::path& staging, const Publication& publication,
                                         std::string_view manifest) {
  remove(staging);  // of an attempt that could not be cleared away
  if (auto made = make_directories(staging); !made) return made;
  for (const BlobKind kind : mapping::kAllBlobs) {
    if (!publication.manifest.blob(kind)) continue;
    const std::array<ByteView, 1> parts = {
        ByteView(publication.blobs[static_cast<std::size_t>(kind)])};
    if (auto made =
            create_file(staging / blob_file(kind), parts, pipeline::failpoints::kPublishBlob);
        !made)
      return made;
  }
  const std::array<ByteView, 1> parts = {as_bytes(manifest)};
  if (auto made = create_file(staging / kManifestFile, parts); !made) return made;
  return sync_directory(staging);
}

Result<void> DirectoryMappingSink::publish(const Publication& publication) {
  const Manifest& manifest = publication.manifest;
  const std::string& table = manifest.info.table;
  const auto ours = claims_.find(table);
  if (ours == claims_.end() || ours->second.epoch != manifest.info.epoch) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("table {} has not been taken over with epoch {}", table,
                            manifest.info.epoch.value));
  }
  if (manifest.info.version == kNoVersion) {
    return fail(ErrorCode::kInvalidArgument, "versions start at 1");
  }
  if (auto fits = mapping::check_blobs(publication); !fits) return fits;
  const auto folder = table_directory(options_.directory, table);
  if (!folder) return fail(folder.error());
  // Before anything is written, so that an overtaken instance does not fill the disk.
  auto claimed = check_claim(*folder, table);
  if (!claimed && says_nothing(claimed.error())) claimed = mend_claim(*folder, table);
  if (!claimed) return claimed;

  const std::string name = version_directory(manifest.info.version);
  const fs::path staging =
      *folder / fmt::format("{}{}-{}", kStagingPrefix, name, ours->second.token);
  const std::string text = proto::to_json(manifest);
  if (auto staged = stage(staging, publication, text); !staged) {
    remove(staging);
    // A successor removes our staging directory: then that is the reason.
    claimed = check_claim(*folder, table);
    return !claimed && claimed.error().code == ErrorCode::kConflict ? claimed : staged;
  }

  failpoint(pipeline::failpoints::kPublishManifest);
  std::vector<fs::path> trash;
  const auto put_in_place = [&]() -> Result<void> {
    const auto lock = FileLock::acquire(*folder / kLockFile, options_.lock_patience);
    if (!lock) return fail(lock.error());
    if (auto still = check_claim(*folder, table); !still) return still;
    const auto versions = list_versions(*folder);
    if (!versions) return fail(versions.error());
    if (!versions->empty() && versions->back() >= manifest.info.version) {
      const auto there = read_file(*folder / name / kManifestFile, text.size());
      if (!there && there.error().retryable && there.error().code == ErrorCode::kIo) {
        return fail(there.error());  // not known yet
      }
      if (!there || as_text(*there) != text) {
        return fail(
            ErrorCode::kConflict,
            fmt::format("{}: version {} cannot be published: version {} is there already",
                        folder->string(), manifest.info.version.value, versions->back().value));
      }
      remove(staging);  // an earlier attempt put it in place and failed after that
    } else if (auto renamed = rename_new(staging, *folder / name); !renamed) {
      return renamed;
    }
    if (auto synced = sync_directory(*folder); !synced) {
      // Readers have it already: of that version there can be no other content.
      synced.error().retryable = true;
      return synced;
    }
    trash = retire(*folder);
    return {};
  };
  auto placed = put_in_place();
  if (!placed) remove(staging);
  failpoint(pipeline::failpoints::kPublishDone);
  for (const fs::path& path : trash) remove(path);
  return placed;
}

// Renames what retention no longer keeps, so that readers see each version whole or not at all.
std::vector<fs::path> DirectoryMappingSink::retire(const fs::path& table_directory) {
  std::vector<fs::path> trash;
  const auto versions = list_versions(table_directory);
  if (!versions || versions->size() <= options_.retain_versions) return trash;
  std::error_code ignored;
  const auto newest_snapshot =
      std::find_if(versions->rbegin(), versions->rend(), [&](Version version) {
        return fs::exists(
            table_directory / version_directory(version) / blob_file(BlobKind::kSnapshot), ignored);
      });
  if (newest_snapshot == versions->rend()) return trash;
  const Version oldest_kept =
      std::min(*newest_snapshot, (*versions)[versions->size() - options_.retain_versions]);
  for (const Version version : *versions) {
    if (version >= oldest_kept) break;
    const std::string name = version_directory(version);
    const fs::path to =
        table_directory / fmt::format("{}{}-{}", kTrashPrefix, name, random_token());
    if (auto renamed = rename_new(table_directory / name, to); !renamed) {
      last_problem_ = renamed.error().message;
      continue;
    }
    trash.push_back(to);
  }
  return trash;
}

void DirectoryMappingSink::remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) last_problem_ = system_error(path, "remove", error.value()).message;
}

Result<mapping::BlobPtr> DirectoryMappingSink::snapshot(std::string_view table, Version version) {
  return blob(table, version, BlobKind::kSnapshot);
}

Result<mapping::BlobPtr> DirectoryMappingSink::delta(std::string_view table, Version version) {
  return blob(table, version, BlobKind::kDelta);
}

Result<mapping::BlobPtr> DirectoryMappingSink::blob(std::string_view table, Version version,
                                                    BlobKind kind) const {
  const auto folder = table_directory(options_.directory, table);
  if (!folder) return fail(folder.error());
  const auto manifest = read_manifest(*folder, table, version);
  if (!manifest) return fail(manifest.error());
  return open_blob(*folder, *manifest, kind);
}

}  // namespace remapd::files
